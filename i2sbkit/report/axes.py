"""Axes of plots: where a value lies between the ends, and ticks at round numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

ROUND = (1, 2, 5)
"""What ticks are multiples of, times a power of ten."""
EQUAL = 1e-9
"""Values whose range is smaller than this, relative to them, are shown as one."""


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, both finite; above 0 if it is logarithmic.

    Attributes:
        ticks: values in between and how they are written.
    """

    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        low, high, value = (math.log(each) if self.log else each for each in (self.low, self.high, value))
        return (value - low) / (high - low)


def axis(values: Sequence[float], log: bool = False, ticks: int = 6, margin: float = 0.08) -> Axis:
    """An axis that shows all values.

    Args:
        values: at least one; finite, and above 0 for a logarithmic axis.
        ticks: how many there are at most, 5 or more; there are at least two.
        margin: what is left free at each end, of the range of the values.
    """
    low, high = _ends(values, log)
    if log:
        room = (high / low) ** margin
        low, high = low / room, high * room
        return Axis(low, high, log, _log_ticks(low, high, ticks))
    room = margin * (high - low)
    low, high = low - room, high + room
    return Axis(low, high, log, _even_ticks(low, high, ticks))


def _ends(values: Sequence[float], log: bool) -> tuple[float, float]:
    """The least and the largest value; around equal ones there is some room."""
    low, high = min(values), max(values)
    if high - low > EQUAL * max(abs(low), abs(high)):
        return low, high
    if log:
        return low / 2, high * 2
    room = abs(low) / 20 or 1.0
    return low - room, high + room


def _even_ticks(low: float, high: float, most: int) -> tuple[tuple[float, str], ...]:
    """The multiples of the smallest round step that makes few enough."""
    least = math.floor(math.log10((high - low) / most))
    for exponent, factor in itertools.product((least, least + 1), ROUND):
        step = factor * 10.0**exponent
        numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
        if len(numbers) <= most:
            break
    return tuple((number * step, _even_text(number * step, exponent)) for number in numbers)


def _even_text(value: float, exponent: int) -> str:
    if abs(value) >= 1e6 or exponent < -6:
        return f"{value:.6g}"
    return f"{value:z.{max(0, -exponent)}f}"


def _log_ticks(low: float, high: float, most: int) -> tuple[tuple[float, str], ...]:
    """Powers of ten, times 1, 2 and 5 or 1 and 3 if those are few enough; over a short range even steps."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in (ROUND, (1, 3), (1,)):
        written = [f"{factor}e{power}" for power in powers for factor in factors]
        values = [value for value in map(float, written) if low <= value <= high]
        if len(values) <= most:
            break
    if len(values) < 3:
        return _even_ticks(low, high, most)
    return tuple((value, f"{value:g}") for value in values[:: math.ceil(len(values) / most)])
