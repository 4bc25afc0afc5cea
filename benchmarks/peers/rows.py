"""One row a method: its means, and how it stands against ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNTOUCHED = "the picture as it is"


@dataclass(frozen=True)
class Row:
    """What was measured of one method on one damage.

    Attributes:
        name, version, told: as of the `Peer`; the picture as it came is a row called `UNTOUCHED`.
        values: by metric, a picture each.
        seconds: of the processor for a picture, the median; None of the picture as it came.
    """

    name: str
    values: Mapping[str, Sequence[float]]
    seconds: float | None = None
    version: str = ""
    told: str = ""
    ours: bool = False

    def mean(self, metric: str = "psnr") -> float:
        """Over all pictures."""
        return sum(self.values[metric]) / len(self.values[metric])

    @property
    def label(self) -> str:
        """For a cell of the table: ours are bold."""
        text = f"{self.name} ({self.version})" if self.version else self.name
        return f"**{text}**" if self.ours else text


def ranked(rows: Sequence[Row]) -> list[Row]:
    """By PSNR, the best first."""
    return sorted(rows, key=lambda row: -row.mean())


def like(rows: Sequence[Row], row: Row) -> list[Row]:
    """The methods that are told as much as one of ours is, that one included, the best first."""
    return ranked([each for each in rows if each.seconds is not None and each.told == row.told])


def rival(rows: Sequence[Row], row: Row) -> Row | None:
    """What a row is held against: ours that is told as much, else the best of ours; None where we have none."""
    ours = ranked([each for each in rows if each.ours])
    told = [each for each in ours if each.told == row.told]
    return next(iter(told or ours), None)
