"""Tables on stdout."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with lines and colour on a terminal; elsewhere aligned columns under a line of capitals."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*header)
        for row in rows:
            table.add_row(*map(Text, row))  # as Text: "[5, 40]" would be read as markup
        Console().print(table)
        return
    lines = [[title.upper() for title in header], *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def spell_metrics(metrics: Mapping[str, Any] | None) -> str:
    """Measured numbers in one line; "" where there are none."""
    return ", ".join(f"{name} {value}" for name, value in (metrics or {}).items())
