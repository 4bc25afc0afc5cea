"""The page of `evaluate --report`: a table with intervals, quality against seconds, and pictures from worst to best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ..results.evaluation import Results
from ..results.tables import Cell, Table, best_of, number, tables, title, value_of
from .document import document
from .entries import Entry, entry_html
from .facts import made_at
from .fronts import SECONDS, better, quality_points
from .html import NOTHING, Html, definitions, escape, fill, joined, table
from .plot import scatter
from .previews import QUALITY, SIDE, preview

TILES = 4
"""So many columns have a tile."""
BESIDE = 384
"""Pictures of at most so many pixels a side stand beside each other, larger ones below each other."""


@dataclass(frozen=True)
class Example:
    """A picture of the restored arm with the best mean of a column.

    Attributes:
        rank: its place among all pictures, by that column.
        key: what it is called; any text.
        value: of that column.
        before, after, clean: (3, H, W) in [-1, 1], of one size.
    """

    rank: Literal["worst", "median", "best"]
    key: str
    value: float
    before: Tensor
    after: Tensor
    clean: Tensor


def evaluation_page(
    results: Results, examples: Sequence[Example], column: str, marks: Mapping[str, str] | None = None
) -> Html:
    """The page.

    Args:
        examples: of the best restored arm by `column`.
        column: a column of single pictures; its tile and its plot come first.
        marks: what arms were picked as, such as "fast", by their label; they are marked in plots and tables.
    """
    columns = sorted(results.higher_is_better, key=lambda name: name != column)
    main = fill(
        "evaluation.html",
        tables=joined(_table(results, each, marks or {}) for each in tables(results)),
        notes=_notes(results.notes) if results.notes else NOTHING,
        plots=_plots(results, columns, marks),
        pictures=_pictures(results, examples, column) if examples else NOTHING,
        settings=definitions(results.settings),
    )
    ways = len(results.arms) - 1
    return document(
        title=f"Evaluation on {_count(results.pictures, 'picture')}",
        lead=f"{_count(ways, 'way')} to restore them, {made_at()}.",
        tiles=[("Pictures", results.pictures), *_tiles(results, columns)],
        main=main,
        footer=_footer(bool(examples)),
    )


def _count(number_of: int, what: str) -> str:
    return f"{number_of} {what}{'' if number_of == 1 else 's'}"


def _tiles(results: Results, columns: Sequence[str]) -> list[tuple[str, object]]:
    """The best value of each of the first columns, whose it is, and the input's."""
    tiles: list[tuple[str, object]] = []
    for column in columns:
        if (best := best_of(results.arms, column, results.higher_is_better[column])) and len(tiles) < TILES:
            given = value_of(results.arms[0], column)
            said = [best[0].arm.label, *([] if given is None else [f"input {number(column, given)}"])]
            small = "".join(f"<small>{escape(each)}</small>" for each in said)
            tiles.append((f"Best {title(column)}", Html(number(column, best[1]) + small)))
    return tiles


def _table(results: Results, each: Table, marks: Mapping[str, str]) -> Html:
    header = [title(each.header[0]), *(_heading(results, column) for column in each.header[1:])]
    rows = [[_name(row[0].value, marks), *map(_cell, row[1:])] for row in each.rows]
    bold = "; bold: the best of its column" if any(cell.best for row in each.rows for cell in row) else ""
    return table(f"{each.caption}{bold}.", header, rows)


def _heading(results: Results, column: str) -> str:
    higher = results.higher_is_better.get(column)
    return title(column) + {True: " ↑", False: " ↓", None: ""}[higher]


def _name(label: str, marks: Mapping[str, str]) -> Html:
    mark = f' <span class="pick">{escape(marks[label])}</span>' if label in marks else ""
    return Html(escape(label) + mark)


def _cell(cell: Cell) -> Html:
    value = Html(f"<strong>{escape(cell.value)}</strong>") if cell.best else escape(cell.value)
    return Html(f"{value}<small>{escape(cell.more)}</small>") if cell.more else value


def _notes(notes: Sequence[str]) -> Html:
    items = joined(Html(f"<li>{escape(note)}</li>") for note in notes)
    return Html(f'<ul class="notes" aria-label="Notes">{items}</ul>')


def _plots(results: Results, columns: Sequence[str], marks: Mapping[str, str] | None) -> Html:
    """One for each column that has several arms to compare."""
    found = {column: quality_points(results, column, marks) for column in columns}
    plots = [
        scatter(points, title=title(column), x_label=SECONDS, y_label=better(results, column))
        for column, points in found.items()
        if len(points) > 1 and results.higher_is_better[column] is not None
    ]
    return fill("plots.html", plots=joined(plots)) if plots else NOTHING


def _pictures(results: Results, examples: Sequence[Example], column: str) -> Html:
    best = best_of(results.arms[1:], column, results.higher_is_better[column])
    return fill(
        "examples.html",
        column=title(column),
        arm=best[0].arm.label if best else "",
        beside=" beside" if all(max(each.after.shape) <= BESIDE for each in examples) else "",
        entries=joined(_entry(each, column) for each in examples),
    )


def _entry(example: Example, column: str) -> Html:
    entry = Entry(
        f"{example.rank.capitalize()}: {example.key}",
        preview(example.before),
        preview(example.after),
        ("degraded", "restored"),
        [(title(column), number(column, example.value))],
        clean=preview(example.clean),
    )
    return entry_html(entry, example.rank)


def _footer(pictures: bool) -> str:
    shown = (
        f"Pictures are shown as WebP previews of at most {SIDE} pixels a side (quality {QUALITY}). " if pictures else ""
    )
    return shown + "This page loads nothing from anywhere."
