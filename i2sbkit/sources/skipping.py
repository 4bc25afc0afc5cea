"""Damaged data: what says that it is, and what becomes of it: left out, counted and told of, or an error."""

from __future__ import annotations

from ..kernel.errors import Error
from ..printable import one_line
from ..terminal import warn

LOUD = 10
"""Shards, or pictures in folders, whose damage is told in a line of its own; of others only the number."""


class Damaged(Error):
    """Bytes that were read, and are no whole shard or no picture: the same whenever and wherever they are read.

    What a disk, a server or memory refuses is not damage, as another time it may be had: to pass it over would be
    another training.

    Args:
        place: the shard, or the file of a picture in a folder.
        key: the sample in it; "" where it concerns the whole.
        what: is wrong.
    """

    def __init__(self, place: str, key: str, what: str) -> None:
        super().__init__(place, key, what)
        self.place, self.key = place, key

    def __str__(self) -> str:
        return ": ".join(filter(None, self.args))


class Skipped:
    """What was left out as it is damaged: each shard and each picture counts once.

    Args:
        strict: leave nothing out.
    """

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self._keys: dict[str, set[str]] = {}

    def add(self, damaged: Damaged) -> None:
        """Leave it out; the first of a shard is told of.

        Raises:
            Damaged: strictly, it is an error.
        """
        if self.strict:
            raise damaged
        if damaged.place not in self._keys and len(self._keys) <= LOUD:
            more = "left out, as is what else is damaged in it" if damaged.key else "what comes behind is left out"
            warn(f"{one_line(damaged)}; {more}" if len(self._keys) < LOUD else "more is damaged, which is only counted")
        self._keys.setdefault(damaged.place, set()).add(damaged.key)

    @property
    def shards(self) -> int:
        """Those that could not be read to their end."""
        return sum("" in keys for keys in self._keys.values())

    @property
    def pictures(self) -> int:
        """Those that could not be decoded."""
        return sum(len(keys - {""}) for keys in self._keys.values())

    def counts(self) -> dict[str, int]:
        """Both, for reports."""
        return {"damaged_shards": self.shards, "damaged_pictures": self.pictures}
