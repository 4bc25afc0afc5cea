"""Where the labels of a plot stand, so that they cover neither each other nor a point, and few lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Position = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

HEIGHT, WIDTH = 13.0, 7.8
"""Of a line of text and of a letter, in pixels; that of wide fonts, since the reader's is not known."""
MARKER = 8.0
"""From the middle of a point to its edge, the ring of a picked one included."""
LINE_STEPS = 24
"""At so many places of a line it is seen whether a label lies on it."""
COVERED = 1e6
"""What a label that covers something costs, more than all lines it could lie on."""


@dataclass(frozen=True)
class Place:
    """Where a text stands, seen from its point: pixels to its anchor on the baseline."""

    anchor: str
    dx: float
    dy: float

    def box(self, point: Position, text: str) -> Box:
        """What it covers."""
        width = len(text) * WIDTH
        left = point[0] + self.dx - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        bottom = point[1] + self.dy + 0.2 * HEIGHT
        return left, bottom - HEIGHT, left + width, bottom


PLACES = (
    Place("middle", 0, -11),
    Place("middle", 0, 20),
    Place("start", 11, 4),
    Place("end", -11, 4),
    Place("start", 8, -8),
    Place("end", -8, -8),
    Place("start", 8, 16),
    Place("end", -8, 16),
)
"""Tried in this order."""


class PlotArea:
    """A plot of a size in pixels, and what is on it already.

    Args:
        size: width and height.
        points: all of its points, as shares of its width and height from the left and from the top.
        lines: from point to point.
    """

    def __init__(
        self, size: tuple[float, float], points: Sequence[Position], lines: Sequence[tuple[Position, Position]]
    ) -> None:
        self.size = size
        self._taken = [_around(self._pixels(point)) for point in points]
        self._inked = [self._pixels(spot) for line in lines for spot in _along(*line)]

    def cost(self, point: Position, text: str, place: Place) -> float:
        """`COVERED` for each point or label that it would cover, more if it left the plot, and how much of lines."""
        left, top, right, bottom = box = place.box(self._pixels(point), text)
        outside = min(left, top) < 0 or right > self.size[0] or bottom > self.size[1]
        covered = outside * len(PLACES) + sum(_overlap(box, other) for other in self._taken)
        return COVERED * covered + sum(left < x < right and top < y < bottom for x, y in self._inked)

    def take(self, point: Position, text: str, place: Place) -> None:
        """A label stands there now."""
        self._taken.append(place.box(self._pixels(point), text))

    def _pixels(self, point: Position) -> Position:
        return point[0] * self.size[0], point[1] * self.size[1]


def put(canvases: Sequence[PlotArea], point: Position, text: str, always: bool = False) -> Place | None:
    """Put a label at the best place on all of these canvases; None where it would cover something.

    Args:
        always: whether it is put even then.
    """
    costs = [sum(canvas.cost(point, text, place) for canvas in canvases) for place in PLACES]
    least = min(costs)
    if least >= COVERED and not always:
        return None
    place = PLACES[costs.index(least)]
    for canvas in canvases:
        canvas.take(point, text, place)
    return place


def _around(point: Position) -> Box:
    x, y = point
    return x - MARKER, y - MARKER, x + MARKER, y + MARKER


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _along(start: Position, end: Position) -> list[Position]:
    shares = [k / LINE_STEPS for k in range(LINE_STEPS + 1)]
    return [(start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])) for t in shares]
