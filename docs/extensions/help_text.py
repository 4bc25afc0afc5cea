"""The reference of the command line, from the commands themselves."""

import re
from collections.abc import Iterator

import click

from i2sbkit.cli import main

SIGNS = re.compile(r"([\\`*_{}\[\]<>#|$~])")


def command_line() -> str:
    """Markdown: a section a command, one level down for those of a group."""
    root = click.Context(main, info_name="i2sbkit", **main.context_settings)
    return "\n".join(_sections(main, root, "##"))


def _sections(group: click.Group, context: click.Context, level: str) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, context, name, **main.context_settings)
        yield from _section(command, inner, level)
        if isinstance(command, click.Group):
            yield from _sections(command, inner, level + "#")


def _section(command: click.Command, context: click.Context, level: str) -> Iterator[str]:
    yield f"{level} {context.command_path}\n"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield from _paragraphs(command.help or "")
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context)):
            yield f"`{record[0]}`\n: {plain(record[1])}\n"
    yield from _paragraphs(command.epilog or "")


def _paragraphs(text: str) -> Iterator[str]:
    r"""Those that click keeps as they are, behind a \b, as code."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        kept = paragraph.lstrip().removeprefix("\b\n")
        if kept == paragraph.lstrip():
            yield plain(" ".join(paragraph.split())) + "\n"
        elif kept.startswith("Examples:\n"):
            lines = "\n".join(line.strip() for line in kept.splitlines()[1:])
            yield f"```sh\n{lines}\n```\n"
        else:
            yield f"```text\n{kept}\n```\n"


def plain(text: str) -> str:
    """Text in which no sign means anything to Markdown; code in backticks stays code."""
    return "".join(
        piece if number % 2 else SIGNS.sub(r"\\\1", piece) for number, piece in enumerate(re.split(r"(`[^`]*`)", text))
    )
