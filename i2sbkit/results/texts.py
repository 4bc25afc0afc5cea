"""The tables of an evaluation as text: Markdown, and rows for a terminal."""

from __future__ import annotations

import html
import re

from ..printable import one_line
from .evaluation import Results
from .tables import Cell, Table, tables, title

BEST = "*"
"""Behind the best of a column in a terminal, which may have no bold."""
MARKUP = re.compile(r"[\\`*_\[\]|~$#]|^[-+]")
"""What Markdown could take for more than text, besides what HTML could."""


def markdown(results: Results) -> str:
    """The tables as GitHub shows them, then the notes, then the settings to unfold; ends with a newline."""
    parts = [part for table in tables(results) for part in (_caption(table), _table(results, table))]
    parts += ["\n".join(f"- {_text(note)}" for note in results.notes)] if results.notes else []
    if results.settings:
        rows = [["", ""], [":---", ":---"], *([_text(term), _text(value)] for term, value in results.settings)]
        parts += ["<details>\n<summary>Settings</summary>", _lines(rows), "</details>"]
    return "\n\n".join(parts) + "\n"


def text_tables(results: Results) -> list[tuple[str, list[str], list[list[str]]]]:
    """The caption, header and rows of each table, for `cli.tables.print_table`; columns are named as in JSON."""
    return [
        (
            one_line(table.caption) + (f"; {BEST} best of its column" if _has_best(table) else ""),
            ["", *map(one_line, table.header[1:])],
            [[_plain(cell) for cell in row] for row in table.rows],
        )
        for table in tables(results)
    ]


def _has_best(table: Table) -> bool:
    return any(cell.best for row in table.rows for cell in row)


def _plain(cell: Cell) -> str:
    return one_line(" ".join(part for part in (cell.value, cell.more, BEST if cell.best else "") if part))


def _caption(table: Table) -> str:
    return _text(table.caption) + ("; bold: the best of its column" if _has_best(table) else "") + "."


def _table(results: Results, table: Table) -> str:
    header = ["", *(_heading(results, column) for column in table.header[1:])]
    rule = [":---", *("---:" for _ in table.header[1:])]
    return _lines([header, rule, *([_text(row[0].value), *map(_marked, row[1:])] for row in table.rows)])


def _heading(results: Results, column: str) -> str:
    higher = results.higher_is_better.get(column)
    return _text(title(column)) + {True: " ↑", False: " ↓", None: ""}[higher]


def _marked(cell: Cell) -> str:
    """A cell of numbers, which need no escapes."""
    value = f"**{cell.value}**" if cell.best else cell.value
    return f"{value} {html.escape(cell.more)}".strip()


def _lines(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _text(text: str) -> str:
    """Any text as Markdown that shows it, on one line."""
    return MARKUP.sub(r"\\\g<0>", html.escape(one_line(text), quote=False))
