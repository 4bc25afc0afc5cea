"""The tables of an evaluation, the same for the terminal, Markdown and the report: what stands in which cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .evaluation import Against, ArmResult, Interval, Results

CAPITALS = frozenset({"psnr", "psnr-b", "ssim", "ms-ssim", "lpips", "fid", "kid", "ca", "rgb", "y"})
"""Words in the names of columns that are written in capitals."""
UNITS = {"error": "levels", "spread": "levels", "consistency": "levels"}
"""Of columns; levels are those of 8 bits."""


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        value: the number, or "".
        more: its interval and the like, or "".
        best: whether no other of its column is better.
    """

    value: str = ""
    more: str = ""
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names an arm.

    Attributes:
        caption: what it shows, one sentence.
        header: names of columns, as in `Results`.
        rows: a cell a column.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(results: Results) -> list[Table]:
    """The means of all arms and, where there was another run, the differences to it."""
    return [_summary(results), *([_differences(results)] if any(each.against for each in results.arms) else [])]


def number(column: str, value: float, sign: bool = False) -> str:
    """A value of a column as it is written: PSNR with 2 decimals, SSIM with 4, all else with 3 digits.

    Args:
        sign: whether a plus is written.
    """
    plus = "+" if sign else ""
    if not math.isfinite(value):
        return format(value, plus)
    decimals = 2 if column.startswith("psnr") else 4 if column.startswith(("ssim", "ms_ssim")) else None
    if decimals is not None:
        return f"{value:{plus}z.{decimals}f}"
    digits = f"{value:{plus}z#.3g}".rstrip(".")
    return f"{value:{plus}z.0f}" if "e+" in digits and abs(value) < 1e6 else digits


def title(column: str) -> str:
    """A column as a reader knows it, such as "PSNR RGB (dB)"."""
    words = column.replace("psnr_b", "psnr-b").replace("ms_ssim", "ms-ssim").split("_")
    text = " ".join(word.upper() if word in CAPITALS else word for word in words)
    unit = "dB" if column.startswith("psnr") else UNITS.get(column)
    return text[:1].upper() + text[1:] + (f" ({unit})" if unit else "")


def value_of(result: ArmResult, column: str) -> float | None:
    """The mean, or the value of the set; None where the arm has none."""
    mean = result.means.get(column)
    return result.sets.get(column) if mean is None else mean.mean


def best_of(arms: Sequence[ArmResult], column: str, higher_is_better: bool | None) -> tuple[ArmResult, float] | None:
    """The arm with the best value of a column, the first of equals, and that value.

    None where no arm has one, or no value is better than another.
    """
    if higher_is_better is None:
        return None
    sign = 1 if higher_is_better else -1
    values = [(each, value) for each in arms if (value := value_of(each, column)) is not None]
    known = [(each, value) for each, value in values if not math.isnan(value)]
    return max(known, key=lambda pair: sign * pair[1], default=None)


def _best(results: Results, column: str) -> str | None:
    """The best value of a column as it is written: all arms that have it written so are marked."""
    best = best_of(results.arms, column, results.higher_is_better[column])
    return number(column, best[1]) if best else None


def _summary(results: Results) -> Table:
    columns = [c for c in results.higher_is_better if any(value_of(each, c) is not None for each in results.arms)]
    best = {column: _best(results, column) for column in columns}
    rows = tuple(
        (
            Cell(each.arm.label),
            Cell("" if each.seconds is None else number("seconds", each.seconds)),
            *(_cell(results, each, column, best[column]) for column in columns),
        )
        for each in results.arms
    )
    several = results.pictures > 1
    caption = f"Means of {results.pictures} pictures, in brackets their 95 % bootstrap intervals"
    return Table(caption if several else "Of 1 picture", ("arm", "seconds", *columns), rows)


def _cell(results: Results, result: ArmResult, column: str, best: str | None) -> Cell:
    value = value_of(result, column)
    if value is None:
        return Cell()
    written = number(column, value)
    mean = result.means.get(column)
    more = _range(column, mean) if mean and results.pictures > 1 else ""
    return Cell(written, more, written == best)


def _differences(results: Results) -> Table:
    columns = [c for c in results.higher_is_better if any(c in each.against for each in results.arms)]
    rows = tuple(
        (Cell(each.arm.label), *(_difference(each.against, column) for column in columns))
        for each in results.arms
        if each.against
    )
    other = results.compared_with or "the other run"
    caption = f"Differences to {other} on the same pictures, 95 % bootstrap intervals, and p of a sign-flip test"
    return Table(caption, ("arm", *columns), rows)


def _difference(against: Mapping[str, Against], column: str) -> Cell:
    if column not in against:
        return Cell()
    difference, p = against[column].difference, against[column].p
    spelled = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return Cell(number(column, difference.mean, sign=True), f"{_range(column, difference, sign=True)}, {spelled}")


def _range(column: str, interval: Interval, sign: bool = False) -> str:
    return f"[{number(column, interval.low, sign)}, {number(column, interval.high, sign)}]"
