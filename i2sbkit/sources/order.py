"""The order of the training samples: one number, the counter, says which sample comes when, whoever makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator

from ..kernel.errors import Error
from ..kernel.rng import derive_seed
from .shards import Index

WINDOW = 32
"""Photographs whose crops are shuffled together, and so held decoded at a time."""
BLOCK = 4
"""Shards whose photographs are shuffled together."""


def epoch_order(index: Index, seed: int, epoch: int, crops: int) -> list[int]:
    """The sample of each place of an epoch: every sample `crops` times.

    Shards are permuted, photographs shuffled within blocks of shards, and the crops of each run of WINDOW photographs
    shuffled among themselves: far-reaching enough to mix, near enough to read shards in turn and decode once.
    """
    generator = Generator().manual_seed(derive_seed(seed, "order", epoch))
    of_shard: list[list[int]] = [[] for _ in range(index.shards)]
    for number, sample in enumerate(index.samples):
        of_shard[sample.shard].append(number)
    shards = torch.randperm(index.shards, generator=generator).tolist()
    photographs: list[int] = []
    for start in range(0, len(shards), BLOCK):
        photographs += _shuffled([n for shard in shards[start : start + BLOCK] for n in of_shard[shard]], generator)
    order: list[int] = []
    for start in range(0, len(photographs), WINDOW):
        order += _shuffled(photographs[start : start + WINDOW] * crops, generator)
    return order


def _shuffled(items: list[int], generator: Generator) -> list[int]:
    return [items[place] for place in torch.randperm(len(items), generator=generator).tolist()]


def share_of(batch: int, world: int) -> int:
    """Samples of a batch that each of `world` ranks takes.

    Raises:
        Error: the batch cannot be shared out evenly; the gradients of the ranks would not weigh the same.
    """
    if batch % world:
        more = (batch // world + 1) * world
        raise Error(f"train.batch {batch} cannot be shared evenly by {world} devices; --set train.batch={more} can")
    return batch // world


@dataclass(frozen=True)
class CounterSampler:
    """The counters of one rank, a list a batch: of each global batch, every `world`-th from `rank` on; without end.

    Args:
        start: the first counter.
        batch: samples in a batch, over all ranks.

    Raises:
        Error: the batch cannot be shared out evenly.
    """

    start: int
    batch: int
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        share_of(self.batch, self.world)

    def __iter__(self) -> Iterator[list[int]]:
        first = self.start
        while True:
            yield list(range(first + self.rank, first + self.batch, self.world))
            first += self.batch
