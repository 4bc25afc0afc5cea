"""A list of names in a file: which of many pictures are meant, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..kernel.errors import Error

AMBIGUOUS = -1


def chosen(names: Path, places: Sequence[str]) -> list[int]:
    """The numbers of the places that a list names, in its order.

    A line names a place by its path, or by the longest tail of one that there is: `/raid/val/n01440764/x.JPEG` is
    `val/n01440764/x.JPEG`, else `n01440764/x.JPEG`, else `x.JPEG`; with its suffix, or without. Empty lines and those
    that begin with # are passed over, and so is what follows a name after a space (a label).

    Raises:
        Error: the list cannot be read or is empty; a name is not there, is that of several, or comes twice.
    """
    try:
        lines = [line.strip() for line in names.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"{names}: cannot be read as a list of names ({error})") from None
    wanted = [line for line in lines if line and not line.startswith("#")]
    if not wanted:
        raise Error(f"{names}: no names in it; write one a line, such as n01440764/ILSVRC2012_val_00000293.JPEG")
    tails = _Tails(places, wanted)
    found = {line: tails.find(line) for line in wanted}
    missing = [line for line, number in found.items() if number is None]
    if missing:
        more = f" and {len(missing) - 1} more of {len(wanted)} names" if len(missing) > 1 else ""
        raise Error(f"{names}: {missing[0]}{more}: no such picture in what is packed, such as {places[0]}")
    first: dict[int, str] = {}
    for line in wanted:
        number = found[line]
        assert number is not None
        if number == AMBIGUOUS:
            raise Error(f"{names}: {line}: several pictures are called so; write the folder too, as in {places[0]}")
        if number in first:
            raise Error(f"{names}: {line}: names the same picture as {first[number]}; take out one of the lines")
        first[number] = line
    return list(first)


class _Tails:
    """Places by those tails of theirs that a list may mean, with and without suffix."""

    def __init__(self, places: Sequence[str], lines: Sequence[str]) -> None:
        asked = {tail for line in lines for name in _readings(line) for tail in _tails(name)}
        self._whole: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        for number, place in enumerate(places):
            stem = PurePosixPath(place).with_suffix("").as_posix()
            for table, path in ((self._whole, place), (self._stems, stem)):
                for tail in asked.intersection(_tails(path)):
                    table[tail] = AMBIGUOUS if tail in table else number

    def find(self, line: str) -> int | None:
        """The number of the place that a line names; AMBIGUOUS, or None."""
        for name in _readings(line):
            for table in (self._whole, self._stems):
                number = next((table[tail] for tail in _tails(name) if tail in table), None)
                if number is not None:
                    return number
        return None


def _readings(line: str) -> list[str]:
    """A line as a path; then without what follows a space: its last column, or all but the first."""
    ways = dict.fromkeys((line, line.rsplit(maxsplit=1)[0], line.split(maxsplit=1)[0]))
    return [way.replace("\\", "/") for way in ways]


def _tails(path: str) -> list[str]:
    """a/b/c -> a/b/c, b/c, c."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ["/".join(parts[start:]) for start in range(len(parts))]
