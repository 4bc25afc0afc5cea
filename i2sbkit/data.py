"""From photographs to training pairs: crop, corrupt, quantise, lift; in an order that one number places.

Sample number `counter` of a training is always the same pair, whatever worker or rank makes it: its place in the
order and all its random numbers follow from (seed, counter).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from .images import from_uint8, to_uint8
from .kernel.interfaces import Corruption, Observation
from .kernel.rng import derive_seed
from .recipe import Recipe
from .shards import Index, read_pixels

WINDOW = 32
"""Photographs held decoded at a time: crops of one photograph are spread over so many."""
BLOCK = 4
"""Shards whose photographs are shuffled together."""


@dataclass(frozen=True)
class Pair:
    """One training sample: clean x0 and lifted x1 (3, H, W), and the mask (1, H, W) where something is missing."""

    x0: Tensor
    x1: Tensor
    mask: Tensor | None = None


@dataclass(frozen=True)
class Batch:
    """Pairs stacked (B, ...), with the counters that they, and their noise, follow from."""

    x0: Tensor
    x1: Tensor
    mask: Tensor | None
    counters: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.counters)

    def split(self, size: int) -> Iterator[Batch]:
        """The batch in microbatches of at most `size`."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            mask = None if self.mask is None else self.mask[part]
            yield Batch(self.x0[part], self.x1[part], mask, self.counters[part])


def quantized(y: Observation) -> Observation:
    """An observation as an 8-bit file would hand it over: clamped and rounded."""
    return replace(y, image=from_uint8(to_uint8(y.image)))


def make_pair(corruption: Corruption, x0: Tensor, rng: Generator, quantize: bool) -> Pair:
    """Damage x0 (3, H, W) and place the result on the bridge."""
    y = corruption.corrupt(x0, rng)
    y = quantized(y) if quantize else y
    return Pair(x0, corruption.lift(y, rng), y.mask)


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


class TrainingSet(Dataset[Pair]):
    """Training pairs by their counter, from 0 without end.

    Args:
        size: side of the crops in pixels.
        crop: "random", or "center" after resizing the shorter side to `size`.
        crops: how often each photograph is used in an epoch.
    """

    def __init__(
        self,
        index: Index,
        corruption: Corruption,
        *,
        size: int,
        crop: str = "random",
        flip: bool = True,
        quantize: bool = True,
        crops: int = 1,
        seed: int = 0,
    ) -> None:
        self.index, self.corruption, self.size = index, corruption, size
        self.crop, self.flip, self.quantize, self.crops, self.seed = crop, flip, quantize, crops, seed
        self._decoded: OrderedDict[int, Tensor] = OrderedDict()
        self._epoch, self._order = -1, list[int]()

    @classmethod
    def of(cls, recipe: Recipe, index: Index) -> TrainingSet:
        """The training set of a recipe on the photographs of an index."""
        data = recipe.data
        return cls(
            index,
            recipe.parts.corruption,
            size=data.size,
            crop=data.crop,
            flip=data.flip,
            quantize=data.quantize,
            crops=data.crops,
            seed=recipe.train.seed,
        )

    def __len__(self) -> int:
        """Pairs in an epoch."""
        return len(self.index.samples) * self.crops

    def __getitem__(self, counter: int) -> Pair:
        rng = Generator().manual_seed(derive_seed(self.seed, "sample", counter))
        pixels = self._cut(self._photograph(counter), rng)
        if self.flip and torch.rand((), generator=rng) < 0.5:
            pixels = pixels.flip(2)
        return make_pair(self.corruption, from_uint8(pixels), rng, self.quantize)

    def _photograph(self, counter: int) -> Tensor:
        """The decoded photograph of a counter; the last few stay in memory."""
        epoch, place = divmod(counter, len(self))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, epoch_order(self.index, self.seed, epoch, self.crops)
        number = self._order[place]
        if number not in self._decoded:
            pixels = read_pixels(self.index.samples[number])
            smaller = self.crop == "center" or min(pixels.shape[1:]) < self.size
            self._decoded[number] = resized(pixels, self.size) if smaller else pixels
        self._decoded.move_to_end(number)
        while len(self._decoded) > WINDOW:
            self._decoded.popitem(last=False)
        return self._decoded[number]

    def _cut(self, pixels: Tensor, rng: Generator) -> Tensor:
        spare = [side - self.size for side in pixels.shape[1:]]
        if self.crop == "random":
            top, left = (int(torch.randint(extra + 1, (), generator=rng)) for extra in spare)
        else:
            top, left = (extra // 2 for extra in spare)
        return pixels[:, top : top + self.size, left : left + self.size]


def resized(pixels: Tensor, size: int) -> Tensor:
    """8-bit (3, H, W) with its shorter side made `size`, as the ADM's data were made (Dhariwal and Nichol 2021).

    Halved by boxes while that leaves at least `size`, then bicubic.
    """
    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    while min(image.size) >= 2 * size:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    factor = size / min(image.size)
    image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


@dataclass(frozen=True)
class CounterSampler:
    """The counters of one rank, a list a batch: of each global batch, every `world`-th from `rank` on; without end."""

    start: int
    batch: int
    rank: int = 0
    world: int = 1

    def __iter__(self) -> Iterator[list[int]]:
        first = self.start
        while True:
            yield list(range(first + self.rank, first + self.batch, self.world))
            first += self.batch


@dataclass(frozen=True)
class _Numbered(Dataset[tuple[int, Pair]]):
    """Pairs with their counters, for collation."""

    pairs: TrainingSet

    def __getitem__(self, counter: int) -> tuple[int, Pair]:
        return counter, self.pairs[counter]


def training_batches(
    pairs: TrainingSet, start: int, batch: int, *, workers: int = 0, rank: int = 0, world: int = 1
) -> Iterator[Batch]:
    """Batches from counter `start` on, without end; `batch` counts over all ranks."""
    loader = DataLoader(
        _Numbered(pairs),
        batch_sampler=CounterSampler(start, batch, rank, world),  # type: ignore[arg-type]
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_one_thread,
        persistent_workers=workers > 0,
    )
    return iter(loader)


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)


def collate(numbered: list[tuple[int, Pair]]) -> Batch:
    """Stack pairs; either all have a mask or none."""
    counters, pairs = zip(*numbered, strict=True)
    masks = [pair.mask for pair in pairs if pair.mask is not None]
    return Batch(
        torch.stack([pair.x0 for pair in pairs]),
        torch.stack([pair.x1 for pair in pairs]),
        torch.stack(masks) if masks else None,
        counters,
    )


def validation_pairs(
    index: Index, corruption: Corruption, *, size: int, quantize: bool, seed: int, count: int
) -> list[Pair]:
    """Centre crops of up to `count` photographs, their damage fixed by the seed and the photograph's key."""
    pairs = []
    for sample in index.samples[:count]:
        pixels = read_pixels(sample)
        pixels = resized(pixels, size) if min(pixels.shape[1:]) < size else pixels
        top, left = ((side - size) // 2 for side in pixels.shape[1:])
        x0 = from_uint8(pixels[:, top : top + size, left : left + size])
        rng = Generator().manual_seed(derive_seed(seed, sample.key))
        pairs.append(make_pair(corruption, x0, rng, quantize))
    return pairs
