"""Two evaluations of the same pictures, picture by picture."""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from ..kernel.errors import Error
from . import rows
from .means import Differences, difference
from .measuring import INPUT

SAME = ("Data", "Crop")
"""Settings that two evaluations of the same pictures agree in."""
MAY_DIFFER = ("Damage", "Rounded to 8 bits", "Draws a picture", "Told the damage", "Seed")
"""Settings that a reader must know of where two evaluations differ in them."""


def check(other: Path, arms: Sequence[str], columns: Sequence[str], settings: Mapping[str, str]) -> None:
    """See that there can be a comparison, before anything is measured.

    Args:
        columns: that each picture has a value of.
        settings: ours.

    Raises:
        Error: the other is no evaluation that has ended, was of other pictures, or has nothing to compare with.
    """
    path = _numbers(other)
    if not path.is_file():
        raise Error(f"{other}: no finished evaluation to compare with; give the --out of one")
    theirs = _settings(other)
    for term in SAME:
        if theirs.get(term) != settings[term]:
            was = f"{term} was {theirs.get(term)!r}, here {settings[term]!r}"
            raise Error(f"{other}: evaluated other pictures ({was}); both need the same --data, --subset and --size")
    _partners(arms, columns, path)


def against(own: Sequence[Path], other: Path, arms: Sequence[str], columns: Sequence[str]) -> dict[str, Differences]:
    """By arm how the results differ from those of another evaluation: ours minus theirs.

    An arm is compared with the other's of the same label; where there is none, with the only one that the other has.
    A picture that one of them could not decode does not count.

    Args:
        own: the rows of each part.
        other: the folder of the other evaluation.

    Raises:
        Error: see `check`.
    """
    path = _numbers(other)
    partners = _partners(arms, columns, path)
    differences = {arm: Differences(columns) for arm in partners}
    for name, ours, theirs in _of_both(own, path):
        for arm, partner in partners.items():
            differences[arm].add(name, _differences(ours[arm], theirs.get(partner, {}), columns))
    return differences


def unlike(other: Path, settings: Mapping[str, str]) -> list[str]:
    """In what another evaluation differs besides its arms, as sentences for a reader."""
    theirs = _settings(other)
    return [
        f"In the evaluation that these are compared with, {term} was {theirs.get(term)}; here it is {settings[term]}."
        for term in MAY_DIFFER
        if theirs.get(term) != settings[term]
    ]


def _numbers(other: Path) -> Path:
    return other / "pictures.jsonl"


def _settings(other: Path) -> dict[str, str]:
    try:
        return dict(json.loads((other / "settings.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise Error(f"{other}: its settings.json cannot be read ({error}); give the --out of an evaluation") from None


def _of_both(own: Sequence[Path], other: Path) -> Iterator[tuple[str, dict[str, rows.Row], dict[str, rows.Row]]]:
    """Of each picture that both evaluations have rows of its number and key, our rows and theirs by arm."""
    ours, theirs = rows.by_picture(rows.merged(own)), rows.by_picture(rows.read(other))
    for (number, key), found in groupby(heapq.merge(ours, theirs, key=itemgetter(0)), key=itemgetter(0, 1)):
        sides = [of_arm for _, _, of_arm in found]
        if len(sides) == 2:
            yield f"{number} {key}", sides[0], sides[1]


def _partners(arms: Sequence[str], columns: Sequence[str], path: Path) -> dict[str, str]:
    """Of each arm the other evaluation's that it is compared with."""
    first = next(rows.by_picture(rows.read(path)), None)
    theirs = [arm for arm in first[2] if arm != INPUT] if first else []
    partners = {arm: arm for arm in arms if arm in theirs}
    if not partners and len(theirs) == 1:
        partners = dict.fromkeys(arms, theirs[0])
    if first is None or not partners:
        raise Error(
            f"{path.parent}: has none of {', '.join(arms)} to compare with; it has {', '.join(theirs) or 'none'}"
        )
    found = {name for arm in partners.values() for name in first[2][arm]} - {*rows.FIRST}
    if not found & {*columns}:
        raise Error(f"{path.parent}: has none of these columns; it has {', '.join(sorted(found)) or 'none'}")
    return partners


def _differences(mine: rows.Row, theirs: rows.Row, columns: Sequence[str]) -> dict[str, float]:
    return {
        column: difference(_value(mine, column), _value(theirs, column))
        for column in columns
        if column in mine and column in theirs
    }


def _value(row: rows.Row, column: str) -> float:
    """What is not finite is written as null; it is the PSNR of equal pictures."""
    value = row[column]
    return math.inf if value is None else float(value)
