"""The pages in docs tell the truth: their commands exist and parse, their links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
from command_lines import parse

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in sorted(DOCS.rglob("*.md"))}
COMMANDS = [
    (page, line)
    for page, text in PAGES.items()
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("i2sbkit ")
]
LINKS = [(page, link) for page, text in PAGES.items() for link in re.findall(r"\]\(([^):#]+)\)", text)]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_are_commands(page, line):
    """Each parses: the command, its options and the number of its arguments are right."""
    parse(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_links_lead_to_files(page, link):
    """What a page links to in the repository is there."""
    assert (DOCS / page).parent.joinpath(link).exists()
