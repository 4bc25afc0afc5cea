"""The command line as a whole: what it imports, its help, versions, exit codes and completion."""

import subprocess
import sys
import warnings
from unittest.mock import Mock

import click
import pytest
import torch

from i2sbkit import __version__, shipped
from i2sbkit.cli import COMMANDS, LazyGroup, execute, main
from i2sbkit.cli.options import shown_warnings


def run_real(*arguments, **environment):
    """Run i2sbkit in a new process: its code, its stdout, and every module that it imported."""
    command = [sys.executable, "-X", "importtime", "-m", "i2sbkit", *arguments]
    done = subprocess.run(command, env={"PATH": "/bin", **environment}, capture_output=True, text=True, timeout=60)
    lines = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done.returncode, done.stdout, lines


def heavy(modules):
    """Those that only a command that works may import."""
    return [name for name in modules if name.partition(".")[0] in ("torch", "numpy", "pydantic", "i2sbkit_plugins")]


def test_help_imports_neither_torch_nor_a_plugin():
    """`i2sbkit --help` is quick: no torch, no plugin; and it shows every command."""
    code, out, modules = run_real("--help")
    assert code == 0
    assert "i2sbkit.cli" in modules
    assert heavy(modules) == []
    assert all(f"  {command} " in out for command in COMMANDS)


def test_dash_h_is_help(capsys):
    """-h is --help."""
    assert execute(["-h"]) == 0
    short = capsys.readouterr().out
    assert execute(["--help"]) == 0
    assert capsys.readouterr().out == short
    assert "Exit codes" in short


def test_version_names_i2sbkit_torch_and_python(capsys):
    """--version is one line with the three versions that a bug report needs."""
    assert execute(["--version"]) == 0
    python = ".".join(map(str, sys.version_info[:3]))
    assert capsys.readouterr().out == f"i2sbkit {__version__}, torch {torch.__version__}, python {python}\n"


@pytest.mark.parametrize("line", ["trian", "recipes lits", "recipes show", "weights export x", "doctor --jsn", ""])
def test_a_typo_is_a_usage_error(line, capsys):
    """An unknown command or option, or a missing one: exit code 2, the reason on stderr, nothing on stdout."""
    assert execute(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: i2sbkit" in err


def subcommands(name):
    command = main.get_command(click.Context(main), name)
    return sorted(command.commands) if isinstance(command, click.Group) else []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name, capsys):
    """--help and -h, on every command and subcommand, end in command lines to imitate."""
    for path in [[name], *([name, sub] for sub in subcommands(name))]:
        assert execute([*path, "--help"]) == 0
        shown = capsys.readouterr().out
        _, examples, after = shown.partition("Examples:")
        assert examples, path
        assert f"  i2sbkit {' '.join(path)}" in after, path
        assert execute([*path, "-h"]) == 0
        assert capsys.readouterr().out == shown


def test_every_command_is_listed_with_its_summary():
    """The summaries of `i2sbkit --help` are there for all commands, and commands for all summaries."""
    context = click.Context(main)
    assert isinstance(main, LazyGroup)
    assert all(isinstance(main.get_command(context, name), click.Command) for name in main.list_commands(context))


def test_warnings_are_shown_when_they_are_given(capsys):
    """At once, each once, and also where an error or Ctrl-C ends the work."""
    with pytest.raises(KeyboardInterrupt), shown_warnings():
        for text in ("one\ntwo", "one\ntwo", "three"):
            warnings.warn(text, stacklevel=1)
        assert capsys.readouterr().err == "warning: one\\ntwo\nwarning: three\n"
        raise KeyboardInterrupt
    with pytest.raises(UserWarning, match="after"):  # here warnings are errors, as they were
        warnings.warn("after", stacklevel=1)


@pytest.mark.parametrize(
    "error", [MemoryError(), MemoryError("Unable to allocate 4.5 GiB"), RuntimeError("DefaultCPUAllocator: no")]
)
def test_memory_that_runs_out_is_a_line(error, capsys, monkeypatch):
    """Python's, numpy's and torch's: exit code 2 and what takes less; a bug stays a traceback."""
    monkeypatch.setattr(main, "main", Mock(side_effect=error))
    assert execute(["evaluate"]) == 2
    said = "error: memory ran out; take smaller pictures (--size, --tile), fewer at once (--batch), or free memory\n"
    assert capsys.readouterr().err == said
    monkeypatch.setattr(main, "main", Mock(side_effect=RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        execute(["evaluate"])


def completions(words, **environment):
    """What bash would offer after these words: (type, value) pairs; and the modules imported for it."""
    line = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    code, out, modules = run_real(_I2SBKIT_COMPLETE="bash_complete", **line, **environment)
    assert code == 0
    return [tuple(row.split(",", 1)) for row in out.splitlines()], modules


def test_completion_script():
    """`_I2SBKIT_COMPLETE=bash_source i2sbkit` prints a script for the shell; zsh and fish have theirs."""
    for shell in ("bash", "zsh", "fish"):
        code, out, _ = run_real(_I2SBKIT_COMPLETE=f"{shell}_source")
        assert code == 0
        assert f"_I2SBKIT_COMPLETE={shell}_complete" in out


def test_commands_complete_without_torch():
    """The first word completes to commands."""
    found, modules = completions("i2sbkit re")
    assert found == [("plain", "restore"), ("plain", "recipes")]
    assert heavy(modules) == []


@pytest.mark.parametrize("command", ["train", "recipes show", "recipes check", "recipes copy"])
def test_recipes_complete_without_torch(command):
    """Recipe names complete from file names alone; what begins no name completes to files."""
    found, modules = completions(f"i2sbkit {command} jpeg")
    assert found == [("plain", name) for name in shipped.recipes() if name.startswith("jpeg")]
    assert len(found) >= 2
    assert heavy(modules) == []


def test_other_recipes_complete_as_files():
    """A path is left to the shell."""
    assert completions("i2sbkit train runs/m")[0] == [("file", "runs/m")]


@pytest.mark.parametrize("command", ["restore", "degrade"])
def test_tasks_complete_by_file_name(command, tmp_path, monkeypatch):
    """--task completes to the bundled weights, in every command that has it."""
    for name in ("jpeg", "jpeg10", "blur"):
        (tmp_path / f"{name}.safetensors").touch()
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
    (option,) = [p for p in main.get_command(click.Context(main), command).params if p.name == "task"]
    found = option.shell_complete(click.Context(main), "jp")
    assert [item.value for item in found] == ["jpeg", "jpeg10"]


def test_weights_complete_to_tasks_or_files(tmp_path, monkeypatch):
    """`weights info` takes a task or a file, and completes so."""
    (tmp_path / "jpeg.safetensors").touch()
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
    argument = main.get_command(click.Context(main), "weights").commands["info"].params[0]
    offered = {start: argument.shell_complete(click.Context(main), start) for start in ("j", "runs/")}
    assert [(item.type, item.value) for item in offered["j"]] == [("plain", "jpeg")]
    assert [(item.type, item.value) for item in offered["runs/"]] == [("file", "runs/")]
