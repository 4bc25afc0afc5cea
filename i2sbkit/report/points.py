"""The points of a plot, in a page or in a terminal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A point of a plot.

    Attributes:
        series: what it belongs to; points of one series are joined in the order they are given in.
        label: what stands beside it.
        front: whether it is on the Pareto front.
        mark: what it was picked as, such as "balanced"; "" if it was not.
    """

    series: str
    label: str
    x: float
    y: float
    front: bool = False
    mark: str = ""

    @property
    def text(self) -> str:
        """All that stands beside it."""
        return f"{self.label} {self.mark}".strip()


def sorted_out(points: Sequence[Point], log_x: bool) -> tuple[list[Point], str]:
    """The points that have a place, and a sentence on those that have none; "" if all have one."""
    fits = [math.isfinite(p.x) and math.isfinite(p.y) and (p.x > 0 or not log_x) for p in points]
    missing = [f"{p.series} {p.label} ({p.x:.3g}, {p.y:.3g})" for p, fit in zip(points, fits, strict=True) if not fit]
    return list(itertools.compress(points, fits)), f"Not shown: {', '.join(missing)}." if missing else ""


def series_of(points: Iterable[Point]) -> list[str]:
    """The series, in the order they first come in."""
    return list(dict.fromkeys(point.series for point in points))
