"""Two evaluations of the same pictures, picture by picture."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from ..kernel.errors import Error
from . import rows
from .means import Differences, difference
from .measuring import INPUT

CUT = "Crop"
MAY_DIFFER = ("Damage", "Rounded to 8 bits", "Draws a picture", "Told the damage", "Seed")
"""Settings that a reader must know of where two evaluations differ in them."""


def check(
    other: Path, keys: Iterable[str], arms: Sequence[str], columns: Sequence[str], settings: Mapping[str, str]
) -> None:
    """See that there can be a comparison, before anything is measured.

    Args:
        keys: of our pictures.
        columns: that each picture has a value of.

    Raises:
        Error: the other is no evaluation that has ended, was of other pictures, or has nothing to compare with.
    """
    path = _numbers(other)
    if not path.is_file():
        raise Error(f"{other}: no finished evaluation to compare with; give the --out of one")
    if (was := _settings(other).get(CUT)) != settings[CUT]:
        raise Error(f"{other}: evaluated other pictures ({CUT} was {was!r}, here {settings[CUT]!r})")
    _partners(arms, columns, path)
    for mine, theirs in zip_longest(keys, rows.by_picture(rows.read(path))):
        _see_that_they_are_one(mine, theirs[1] if theirs else None, other)


def against(own: Sequence[Path], other: Path, arms: Sequence[str], columns: Sequence[str]) -> dict[str, Differences]:
    """By arm how the results differ from those of another evaluation: ours minus theirs.

    An arm is compared with the other's of the same label; where there is none, with the only one that the other has.

    Args:
        own: the rows of each part.
        other: the folder of the other evaluation.

    Raises:
        Error: see `check`.
    """
    path = _numbers(other)
    partners = _partners(arms, columns, path)
    differences = {arm: Differences(columns) for arm in partners}
    for mine, theirs in zip_longest(rows.by_picture(rows.merged(own)), rows.by_picture(rows.read(path))):
        _see_that_they_are_one(mine[1] if mine else None, theirs[1] if theirs else None, other)
        number, key, ours = mine
        for arm, partner in partners.items():
            differences[arm].add(f"{number} {key}", _differences(ours[arm], theirs[2].get(partner, {}), columns))
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


def _see_that_they_are_one(mine: str | None, theirs: str | None, other: Path) -> None:
    if mine != theirs:
        keys = " and ".join("none" if key is None else repr(key) for key in (mine, theirs))
        raise Error(f"{other}: evaluated other pictures ({keys} in one place); both need the same --data and --subset")


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
