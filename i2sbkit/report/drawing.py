"""A plot's parts as SVG.

All coordinates are percentages of the plot, so that a browser stretches distances but neither text nor markers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from .axes import axis
from .html import Html, escape, joined
from .labels import Place, PlotArea, Position, put
from .points import Point

SHAPES = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
    "M-4 -4h8v8h-8z",
    "M0 -5.6l5.6 5.6l-5.6 5.6l-5.6-5.6z",
    "M0 -5.2l5.2 9h-10.4z",
    "M0 5.2l5.2-9h-10.4z",
    "M-1.8-5h3.6v3.2h3.2v3.6h-3.2v3.2h-3.6v-3.2h-3.2v-3.6h3.2z",
)
"""Circle, square, diamond, two triangles, cross: series differ by them as well as by colour."""
NARROW, ROOMY = (250.0, 288.0), (400.0, 288.0)
"""Width and height in pixels, as style.css has them, of a plot on a phone and of one that shows `roomy` labels."""


def look(index: int) -> str:
    """The class of a series that gives it its colour, as in style.css."""
    return f"s{(index + index // len(SHAPES)) % len(SHAPES)}"


def shape(index: int) -> Html:
    """The marker of a series."""
    return Html(f'<path d="{SHAPES[index % len(SHAPES)]}"/>')


class Drawing:
    """The parts of a plot of at least one point."""

    def __init__(self, points: Sequence[Point], series: Sequence[str], log_x: bool) -> None:
        self._points, self._series = points, series
        self._x = axis([point.x for point in points], log_x)
        self._y = axis([point.y for point in points], ticks=5, margin=0.12)

    def axes(self) -> Html:
        return joined([*map(self._x_tick, self._x.ticks), *map(self._y_tick, self._y.ticks)])

    def lines(self) -> Html:
        """The front as steps, beyond which there is no point, then a line for each series."""
        front = [self._place(point) for point in sorted(self._points, key=lambda point: point.x) if point.front]
        corners = [corner for a, b in itertools.pairwise(front) for corner in (a, (b[0], a[1]))] + front[-1:]
        steps = [_line("front", *pair) for pair in itertools.pairwise(corners)]
        joins = [
            _line(f"join {look(index)}", *pair) for index, name in enumerate(self._series) for pair in self._pairs(name)
        ]
        return joined([*steps, *joins])

    def points(self, x_label: str) -> Html:
        """The markers and then their labels, which no marker may cover."""
        places = self._labels()
        markers = [self._marker(point, f"{point.x:.3g} {x_label}, {point.y:.5g}") for point in self._points]
        labels = [self._label(self._points[k], *places[k]) for k in sorted(places)]
        return joined([*markers, *labels])

    def _place(self, point: Point) -> Position:
        return self._x.share(point.x), 1 - self._y.share(point.y)

    def _pairs(self, name: str) -> Iterable[tuple[Position, Position]]:
        return itertools.pairwise(self._place(point) for point in self._points if point.series == name)

    def _x_tick(self, tick: tuple[float, str]) -> Html:
        x = _percent(self._x.share(tick[0]))
        grid = f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="100%"/>'
        return Html(f'{grid}<text class="tick" x="{x}" y="100%" dy="18" text-anchor="middle">{tick[1]}</text>')

    def _y_tick(self, tick: tuple[float, str]) -> Html:
        y = _percent(1 - self._y.share(tick[0]))
        grid = f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        return Html(f'{grid}<text class="tick" x="0" y="{y}" dx="-8" dy="4" text-anchor="end">{tick[1]}</text>')

    def _labels(self) -> dict[int, tuple[Place, bool]]:
        """Where the label of each point stands, and whether there is room for it on wider screens only.

        Those of picked points are put first and come what may, then those on the front.
        """
        places = [self._place(point) for point in self._points]
        lines = [pair for name in self._series for pair in self._pairs(name)]
        narrow, roomy = PlotArea(NARROW, places, lines), PlotArea(ROOMY, places, lines)
        order = sorted(range(len(places)), key=lambda k: (not self._points[k].mark, not self._points[k].front))
        found = {}
        for canvases in ((narrow, roomy), (roomy,)):
            for k in order:
                point = self._points[k]
                if k not in found and (place := put(canvases, places[k], point.text, always=bool(point.mark))):
                    found[k] = (place, canvases == (roomy,))
        return found

    def _marker(self, point: Point, values: str) -> Html:
        ring = '<circle class="ring" r="8"/>' if point.mark else ""
        index = self._series.index(point.series)
        kind = f"point {look(index)}{' on-front' if point.front else ''}"
        hint = f"<title>{escape(f'{point.series} {point.text}')} – {escape(values)}</title>"
        return Html(f'{self._spot(point)} class="{kind}">{hint}{ring}{shape(index)}</svg>')

    def _label(self, point: Point, place: Place, roomy: bool) -> Html:
        mark = f' <tspan class="mark">{escape(point.mark)}</tspan>' if point.mark else ""
        where = f'x="{place.dx:g}" y="{place.dy:g}" text-anchor="{place.anchor}"'
        color = look(self._series.index(point.series))
        text = f'<text class="label {color}" {where}>{escape(point.label)}{mark}</text>'
        kind = ' class="roomy"' if roomy else ""
        return Html(f"{self._spot(point)}{kind}>{text}</svg>")

    def _spot(self, point: Point) -> str:
        x, y = map(_percent, self._place(point))
        return f'<svg x="{x}" y="{y}" overflow="visible"'


def _line(kind: str, start: Position, end: Position) -> Html:
    (x1, y1), (x2, y2) = (map(_percent, each) for each in (start, end))
    return Html(f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>')


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
