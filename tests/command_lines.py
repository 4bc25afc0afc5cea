"""Command lines that documents print, parsed as the program would."""

import click

from i2sbkit.cli import main


def parse(arguments: list[str]) -> None:
    """See that the command is there, and its options and the number of its arguments right; nothing runs."""
    command, arguments = main, list(arguments)
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), arguments[0])
        assert command is not None, arguments[0]
        arguments = arguments[1:]
    command.make_context("i2sbkit", arguments, parent=click.Context(main, **main.context_settings))
