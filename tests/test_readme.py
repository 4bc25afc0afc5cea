"""The README tells the truth: its commands exist, its links lead somewhere, its plugin works."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from command_lines import parse

import i2sbkit

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands():
    """Every call of i2sbkit in the README's shell blocks, as arguments."""
    for line in "".join(blocks("sh")).splitlines():
        for call in re.findall(r"(?:^|bin/)i2sbkit (.*)", line):
            yield shlex.split(call, comments=True)


@pytest.mark.parametrize("arguments", list(commands()), ids=" ".join)
def test_its_commands_are_commands(arguments):
    """Each parses: the command, its options and the number of its arguments are right."""
    parse(arguments)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^):]+)\)", README))))
def test_its_links_lead_to_files(target):
    """What it links to in the repository is there."""
    assert (ROOT / target).is_file()


def test_its_plugin_is_a_plugin():
    """The example runs as it is printed and gives a corruption."""
    (text,) = (block for block in blocks("python") if "hookimpl" in block)
    names = {"__name__": "your_module"}
    exec(text, names)
    dim = names["corruptions"]()["dim"](factor=0.25)
    assert isinstance(dim, i2sbkit.Corruption)
    assert dim.corrupt(torch.ones(3, 2, 2), torch.Generator()).image.unique().tolist() == [-0.5]


def test_ci_runs_its_command():
    """`.ci/run` takes its command from the README, where exactly one line is that command."""
    pattern = re.search(r"grep -E '(.*)' README.md", (ROOT / ".ci/run").read_text("utf-8"))[1]
    (line,) = re.findall(pattern, README, re.MULTILINE)
    assert line.startswith("python -m venv .venv && ")
