"""Which settings are worth their time: the Pareto front of seconds and quality, and three picks from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
"""Seconds above 0, and a quality."""


@dataclass(frozen=True)
class Picks:
    """Three points of a front, by their index; of few points they may be one and the same."""

    fast: int
    balanced: int
    best: int

    @property
    def names(self) -> dict[int, str]:
        """What each picked point is called, such as "fast" or "balanced, best"."""
        found: dict[int, list[str]] = {}
        for name, index in (("fast", self.fast), ("balanced", self.balanced), ("best", self.best)):
            found.setdefault(index, []).append(name)
        return {index: ", ".join(names) for index, names in found.items()}


def front(points: Sequence[Point], higher_is_better: bool = True) -> list[int]:
    """The points that no other one beats, by their index, from the fastest to the best.

    One point beats another if it is as fast and as good, and one of the two strictly. Of equal points the first is
    taken, so both seconds and quality rise strictly along the front. NaN, and seconds that are not finite and above 0,
    have no place on it; an infinite quality has.
    """
    sign = 1 if higher_is_better else -1
    usable = [k for k, (seconds, quality) in enumerate(points) if 0 < seconds < math.inf and not math.isnan(quality)]
    found: list[int] = []
    for k in sorted(usable, key=lambda k: (points[k][0], -sign * points[k][1])):
        if not found or sign * points[k][1] > sign * points[found[-1]][1]:
            found.append(k)
    return found


def picks(points: Sequence[Point], given: float, higher_is_better: bool = True, tolerance: float = 0.0) -> Picks | None:
    """A fast, a balanced and the best point of the front; None where no point is better than what was given.

    Of the front only points better than `given` count.

    - best: the fastest that is within `tolerance` of the highest quality.
    - fast: the fastest.
    - balanced: the knee between those two, the point that lies highest above the straight line from fast to best,
      quality against the logarithm of seconds (the normalised difference of Satopää et al. 2011, "Finding a kneedle in
      a haystack"). It depends on no unit: not on how fast the machine is, nor on the scale of the quality. Where no
      point lies above that line the ends are as good as anything between, and it is the fast one.

    Args:
        given: the quality of the input.
        tolerance: a difference of quality that is none, >= 0 in its unit.
    """
    sign = 1 if higher_is_better else -1
    better = [k for k in front(points, higher_is_better) if sign * points[k][1] > sign * given]
    if not better:
        return None
    least = sign * points[better[-1]][1] - tolerance
    until_best = better[: 1 + next(i for i, k in enumerate(better) if sign * points[k][1] >= least)]
    return Picks(until_best[0], _knee(points, until_best), until_best[-1])


def _knee(points: Sequence[Point], part: Sequence[int]) -> int:
    """The point furthest above the line from the first to the last of a part of a front."""
    times = _shares([math.log(points[k][0]) for k in part])
    gains = _shares([points[k][1] for k in part])
    above = [gain - time for gain, time in zip(gains, times, strict=True)]
    return part[above.index(max(above))]


def _shares(values: Sequence[float]) -> list[float]:
    """How far each value is on the way from the first to the last; an infinitely far one is reached at its end only."""
    first, last = values[0], values[-1]
    span = last - first
    return [1.0 if value == last else (value - first) / span for value in values]
