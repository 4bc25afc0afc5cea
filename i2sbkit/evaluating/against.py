"""Two evaluations of the same pictures, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from ..kernel.errors import Error
from ..results import Against
from . import rows
from .means import Differences
from .measuring import INPUT


def against(
    own: Sequence[Path], other: Path, arms: Sequence[str], columns: Sequence[str]
) -> dict[str, dict[str, Against]]:
    """By arm and column how the results differ from those of another evaluation: ours minus theirs.

    An arm is compared with the other's of the same label; where there is none, with the only one that the other has.

    Args:
        own: the rows of each part.
        other: the folder of the other evaluation.

    Raises:
        Error: that is none, was of other pictures, or has no arm to compare with.
    """
    path = other / "pictures.jsonl"
    partners = _partners(arms, path)
    differences = {arm: Differences(columns) for arm in partners}
    for mine, theirs in zip_longest(rows.by_picture(rows.merged(own)), rows.by_picture(rows.read(path))):
        if mine is None or theirs is None or mine[0] != theirs[0]:
            keys = " and ".join(repr(each[0]) if each else "none" for each in (mine, theirs))
            raise Error(
                f"{other}: evaluated other pictures ({keys} in one place); both need the same --data and --subset"
            )
        key = mine[0]
        for arm, partner in partners.items():
            differences[arm].add(key, _difference(mine[1][arm], theirs[1][partner], columns))
    return {arm: each.against() for arm, each in differences.items()}


def _partners(arms: Sequence[str], path: Path) -> dict[str, str]:
    """Of each arm the other evaluation's that it is compared with."""
    first = next(rows.by_picture(rows.read(path)), None)
    theirs = [arm for arm in first[1] if arm != INPUT] if first else []
    partners = {arm: arm for arm in arms if arm in theirs}
    if not partners and len(theirs) == 1:
        partners = dict.fromkeys(arms, theirs[0])
    if not partners:
        raise Error(
            f"{path.parent}: has none of {', '.join(arms)} to compare with; it has {', '.join(theirs) or 'none'}"
        )
    return partners


def _difference(mine: rows.Row, theirs: rows.Row, columns: Sequence[str]) -> Mapping[str, float]:
    pairs = {column: (mine.get(column), theirs.get(column)) for column in columns}
    return {column: a - b for column, (a, b) in pairs.items() if a is not None and b is not None}
