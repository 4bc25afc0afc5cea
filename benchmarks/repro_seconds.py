"""Seconds of the processor, for several ways to restore that take turns, so that they share what the machine does."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from peers.running import processor_seconds

from i2sbkit import Observation
from i2sbkit.restoring import Restorer

Key = TypeVar("Key", bound=Hashable)
ROUNDS = 3


def interleaved(ways: Mapping[Key, Restorer], observations: Sequence[Observation], batch: int) -> dict[Key, float]:
    """For each way the seconds for a picture, the median of some rounds; the first batch of each is not counted.

    Args:
        observations: of one size.
        batch: so many are restored together.
    """
    groups = [observations[start : start + batch] for start in range(0, len(observations), batch)]
    for restorer in ways.values():
        restorer.pictures(groups[0])
    found: dict[Key, list[float]] = {key: [] for key in ways}
    for _ in range(ROUNDS):
        for key, restorer in ways.items():
            began = processor_seconds()
            for group in groups:
                restorer.pictures(group)
            found[key].append((processor_seconds() - began) / len(observations))
    return {key: statistics.median(each) for key, each in found.items()}
