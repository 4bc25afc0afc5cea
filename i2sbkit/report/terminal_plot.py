"""A scatter plot as text, for a terminal."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from ..printable import one_line
from .axes import axis
from .canvas import TextCanvas
from .points import Point, series_of, sorted_out

HEIGHT, NARROWEST = 16, 24
"""Lines of the plot itself, and columns at least."""


@dataclass(frozen=True)
class Signs:
    """What a plot is drawn with: `front` and `other` have a marker for each series, used again after the last."""

    front: str
    other: str
    join: str
    wall: str
    wall_tick: str
    floor: str
    floor_tick: str
    corner: str
    key: str


BLOCKS = Signs("●■◆▲▼★", "○□◇△▽☆", "·", "│", "┤", "─", "┬", "└", "filled: on the Pareto front")
ASCII = Signs("ABCDEF", "abcdef", ".", "|", "+", "-", "+", "+", "capitals: on the Pareto front")


def terminal_plot(
    points: Sequence[Point],
    *,
    title: str,
    x_label: str,
    y_label: str,
    width: int,
    log_x: bool = True,
    ascii: bool = False,
) -> str:
    """Points, joined within each series, as lines of at most `width` columns; at each stands its label and mark.

    A label that would cover another one or a point is left out. Points that have no place, such as those of an infinite
    value, are named below.

    Args:
        width: of the terminal; a plot is never narrower than it can be read.
        ascii: whether the terminal shows no more than that.
    """
    signs = ASCII if ascii else BLOCKS
    shown, left_out = sorted_out(points, log_x)
    series = series_of(points)
    keys = [f"{_of(signs.front, k)} {name}" for k, name in enumerate(series)]
    keys += [signs.key] if any(point.front for point in points) else []
    width = max(width, NARROWEST)
    head = [*_wrapped(title, width), *_wrapped(f"{y_label}, against {x_label}", width)]
    body = _Drawing(shown, series, signs, log_x).lines(width) if shown else []
    return "\n".join([*head, *body, *_wrapped("   ".join(keys), width), *_wrapped(left_out, width)])


class _Drawing:
    """Axes, points and lines."""

    def __init__(self, points: Sequence[Point], series: Sequence[str], signs: Signs, log_x: bool) -> None:
        self._points, self._series, self._signs = points, series, signs
        self._x = axis([point.x for point in points], log_x)
        self._y = axis([point.y for point in points], ticks=5, margin=0.12)

    def lines(self, width: int) -> list[str]:
        """All of it, in so many columns."""
        gutter = max(len(text) for _, text in self._y.ticks) + 1
        columns = width - gutter - 1
        signs = self._signs
        names = {_place(1 - self._y.share(value), HEIGHT): text for value, text in self._y.ticks}
        rows = [
            f"{names.get(k, ''):>{gutter - 1}} {signs.wall_tick if k in names else signs.wall}{row}".rstrip()
            for k, row in enumerate(self._filled(columns).rows())
        ]
        ticks = {_place(self._x.share(value), columns) for value, _ in self._x.ticks}
        floor = "".join(signs.floor_tick if x in ticks else signs.floor for x in range(columns))
        return [*rows, " " * gutter + signs.corner + floor, " " * (gutter + 1) + self._x_names(columns)]

    def _filled(self, columns: int) -> TextCanvas:
        canvas = TextCanvas(columns, HEIGHT)
        cells = [
            (_place(self._x.share(point.x), columns), _place(1 - self._y.share(point.y), HEIGHT))
            for point in self._points
        ]
        for name in self._series:
            own = [cell for cell, point in zip(cells, self._points, strict=True) if point.series == name]
            for start, end in itertools.pairwise(own):
                canvas.line(start, end, self._signs.join)
        order = sorted(range(len(cells)), key=lambda k: (bool(self._points[k].mark), self._points[k].front))
        for k in order:
            point = self._points[k]
            markers = self._signs.front if point.front else self._signs.other
            canvas.marker(cells[k], _of(markers, self._series.index(point.series)))
        for k in reversed(order):
            canvas.label(cells[k], one_line(self._points[k].text))
        return canvas

    def _x_names(self, columns: int) -> str:
        """The ticks below the plot, where they do not touch."""
        line = ""
        for value, text in self._x.ticks:
            left = _place(self._x.share(value), columns) - len(text) // 2
            if left > len(line) - (not line) and left + len(text) <= columns:
                line = line.ljust(left) + text
        return line


def _place(share: float, cells: int) -> int:
    return round(share * (cells - 1))


def _of(signs: str, index: int) -> str:
    return signs[index % len(signs)]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(one_line(text), width, subsequent_indent="  ")
