"""What an evaluation found: a table of arms and columns, as text, Markdown, JSON and the report show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A mean over pictures with a 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Arm:
    """One way to restore: a row of the table. Without a sampler it is the input itself, not restored.

    Attributes:
        sampler, options: of the sampler, `nfe` among them.
    """

    sampler: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Such as "sde nfe 5" or "input"; one an arm of a table."""
        if self.sampler is None:
            return "input"
        return " ".join([self.sampler, *(f"{name} {value}" for name, value in self.options.items())])

    @property
    def nfe(self) -> int | None:
        """Network evaluations, where the sampler has that option."""
        return self.options.get("nfe")


@dataclass(frozen=True)
class Against:
    """The paired difference of a column to another run's, this one's minus that one's, over the same pictures.

    Attributes:
        p: of a two-sided sign-flip test that the two are alike.
    """

    difference: Interval
    p: float


@dataclass(frozen=True)
class ArmResult:
    """A row of the table.

    Attributes:
        seconds: of restoring, a picture; None for the input.
        means: of the columns that each picture has a value of.
        sets: columns that only a set of pictures has a value of, such as a Frechet distance.
        against: by column, where another run was given.
    """

    arm: Arm
    seconds: float | None
    means: Mapping[str, Interval]
    sets: Mapping[str, float] = field(default_factory=dict)
    against: Mapping[str, Against] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """All that was found.

    Attributes:
        pictures: how many there were.
        higher_is_better: by column, in the table's order, those of sets included; None where neither is, as of a ratio.
        arms: the input first.
        settings: terms and their values: weights, data, crop, seed, versions, what another reader needs to repeat it.
        compared_with: where `against` comes from.
        notes: what a reader must know to read the numbers right.
    """

    pictures: int
    higher_is_better: Mapping[str, bool | None]
    arms: tuple[ArmResult, ...]
    settings: tuple[tuple[str, str], ...] = ()
    compared_with: str | None = None
    notes: tuple[str, ...] = ()
