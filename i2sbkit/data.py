"""Training data: which photograph is cut where for which sample, and batches of the pairs made of them.

Sample number `counter` of a training is always the same pair, whatever worker or rank makes it: its place in the
order and all its random numbers follow from (seed, counter).
"""

from __future__ import annotations

import atexit
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess, active_children
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from .kernel.errors import Error
from .kernel.rng import derive_seed
from .pairs import Damage, Pair
from .recipe import Recipe
from .sources.decoded import Photographs
from .sources.order import WINDOW, CounterSampler, epoch_order
from .sources.photographs import Photograph, centre
from .sources.shards import Index, open_index
from .sources.skipping import Damaged, Skipped


@dataclass(frozen=True)
class Batch:
    """Pairs stacked (B, ...), with the counters that they, and their noise, follow from.

    Attributes:
        damaged: photographs that were found so while it was made, and in whose places others are.
    """

    x0: Tensor
    x1: Tensor
    mask: Tensor | None
    counters: tuple[int, ...]
    damaged: tuple[Damaged, ...] = ()

    def __len__(self) -> int:
        return len(self.counters)

    def split(self, size: int) -> Iterator[Batch]:
        """The batch in microbatches of at most `size`."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            mask = None if self.mask is None else self.mask[part]
            yield Batch(self.x0[part], self.x1[part], mask, self.counters[part])


def open_data(recipe: Recipe, which: Literal["train", "val"], skipped: Skipped | None = None) -> Index:
    """The photographs that a recipe trains on, or is validated with; `skipped` as for `open_index`.

    Raises:
        Error: it names none, or they are not there.
    """
    paths, paired = recipe.paths(which), recipe.data.paired
    if not paths:
        raise Error(no_data(recipe))
    return open_index(paths, paired, skipped)


def no_data(recipe: Recipe) -> str:
    """What to do where a recipe names nothing to train on."""
    option, folder = (" --paired", "with clean/ and degraded/ in it") if recipe.data.paired else ("", "of pictures")
    return f"no data: --set data.train=PATH of shards (`i2sbkit shards pack FOLDER OUT{option}`) or a folder {folder}"


class TrainingSet(Dataset[Pair]):
    """Training pairs by their counter, from 0 without end.

    Args:
        size: side of the crops in pixels.
        crop: "random", or "center" after resizing the shorter side to `size`.
        crops: how often each photograph is used in an epoch.
        margin: pixels around each crop that are damaged with it and then cut off, so that a kernel meets what it meets
            in a whole photograph rather than the crop's border.
        strict: a photograph that cannot be decoded is an error. Else the next in the epoch's order takes its place,
            which follows from the data, the seed and the counter alone.
    """

    def __init__(
        self,
        index: Index,
        damage: Damage,
        *,
        size: int,
        crop: str = "random",
        flip: bool = True,
        crops: int = 1,
        margin: int = 0,
        seed: int = 0,
        strict: bool = True,
    ) -> None:
        self.index, self.damage, self.size, self.margin = index, damage, size + 2 * margin, margin
        self.crop, self.flip, self.crops, self.seed = crop, flip, crops, seed
        self.decoded = Photographs(len(index.samples), self._read, WINDOW if crops > 1 else 1, strict)
        self._epoch, self._order = -1, list[int]()

    @classmethod
    def of(cls, recipe: Recipe, index: Index, strict: bool = True) -> TrainingSet:
        """The training set of a recipe on the photographs of an index.

        Raises:
            Error: the recipe's masks cannot be read.
        """
        data = recipe.data
        return cls(
            index,
            Damage.of(recipe),
            size=data.size,
            crop=data.crop,
            flip=data.flip,
            crops=data.crops,
            margin=data.margin,
            seed=recipe.train.seed,
            strict=strict,
        )

    def __len__(self) -> int:
        """Pairs in an epoch."""
        return len(self.index.samples) * self.crops

    def __getitem__(self, counter: int) -> Pair:
        rng = Generator().manual_seed(derive_seed(self.seed, "sample", counter))
        crop = self._cut(self._photograph(counter), rng)
        if self.flip and torch.rand((), generator=rng) < 0.5:
            crop = crop.flipped()
        return self.damage.pair(crop, rng).trimmed(self.margin)

    def _photograph(self, counter: int) -> Photograph:
        """The photograph of a counter, or where that is damaged of the next place in the epoch that has one."""
        epoch, place = divmod(counter, len(self))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, epoch_order(self.index, self.seed, epoch, self.crops)
        return self.decoded.first(self._order[at % len(self)] for at in range(place, place + len(self)))

    def _read(self, number: int) -> Photograph:
        photograph = self.damage.read(self.index.samples[number])
        smaller = self.crop == "center" or photograph.shorter < self.size
        return photograph.resized(self.size) if smaller else photograph

    def _cut(self, photograph: Photograph, rng: Generator) -> Photograph:
        spare = photograph.spare(self.size)
        if self.crop == "random":
            top, left = (int(torch.randint(extra + 1, (), generator=rng)) for extra in spare)
        else:
            top, left = (centre(extra, whole=True) for extra in spare)
        return photograph.cut(top, left, self.size)


Numbered = tuple[int, Pair, tuple[Damaged, ...]]
"""A pair with its counter, and what was found damaged on the way."""


@dataclass(frozen=True)
class _Numbered(Dataset[Numbered | Error]):
    """Pairs with their counters, for collation; or what went wrong, which a worker can only send as a value."""

    pairs: TrainingSet

    def __getitem__(self, counter: int) -> Numbered | Error:
        try:
            return counter, self.pairs[counter], self.pairs.decoded.damaged()
        except Error as error:
            return error


def training_batches(
    pairs: TrainingSet, start: int, batch: int, *, workers: int = 0, rank: int = 0, world: int = 1
) -> Iterator[Batch]:
    """Batches from counter `start` on, without end; `batch` counts over all ranks.

    Raises:
        Error: a photograph cannot be read, or the batch cannot be shared evenly by the ranks.
    """
    loader = DataLoader(
        _Numbered(pairs),
        batch_sampler=CounterSampler(start, batch, rank, world),
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=_init_worker,
        generator=Generator(),  # else the loader draws from torch's own, which is not ours to move
    )
    others = active_children()
    results = iter(loader)
    atexit.register(_end_workers, [process for process in active_children() if process not in others])
    for result in results:
        if isinstance(result, Error):
            raise result
        yield result


def _init_worker(worker: int) -> None:
    """One thread; and signals are for the main process, which still wants batches until it has saved."""
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _end_workers(workers: list[BaseProcess]) -> None:
    """End workers that are left when Python exits, which would wait for ever for processes that outlive SIGTERM."""
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler raises when a worker is killed
    for worker in workers:
        worker.kill()


def _collate(items: list[Numbered | Error]) -> Batch | Error:
    """Stack pairs; or give the first thing that went wrong."""
    numbered = []
    for item in items:
        if isinstance(item, Error):
            return item
        numbered.append(item)
    pairs = [pair for _, pair, _ in numbered]
    return Batch(
        torch.stack([pair.x0 for pair in pairs]),
        torch.stack([pair.x1 for pair in pairs]),
        _stack_masks(pairs),
        tuple(counter for counter, _, _ in numbered),
        tuple(damaged for _, _, found in numbered for damaged in found),
    )


def _stack_masks(pairs: list[Pair]) -> Tensor | None:
    """Masks (B, 1, H, W), or None where no pair has one; beside masked pairs the loss counts all of the others."""
    if all(pair.mask is None for pair in pairs):
        return None
    return torch.stack([torch.ones_like(pair.x0[:1]) if pair.mask is None else pair.mask for pair in pairs])
