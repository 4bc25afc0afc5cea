"""From photographs to training pairs: crop, corrupt, quantise, lift.

Sample number `counter` of a training is always the same pair, whatever worker or rank makes it: its place in the
order and all its random numbers follow from (seed, counter).
"""

from __future__ import annotations

import atexit
import signal
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess, active_children

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from .images import from_uint8, to_uint8, uint8_to_pil
from .kernel.errors import Error
from .kernel.interfaces import Corruption, Observation
from .kernel.rng import derive_seed
from .order import WINDOW, CounterSampler, epoch_order
from .recipe import Recipe
from .shards import Index, read_pixels


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
        self._held = WINDOW if crops > 1 else 1
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
        while len(self._decoded) > self._held:
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
    image = uint8_to_pil(pixels)
    while min(image.size) >= 2 * size:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    factor = size / min(image.size)
    image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


@dataclass(frozen=True)
class _Numbered(Dataset[tuple[int, Pair] | Error]):
    """Pairs with their counters, for collation; or what went wrong, which a worker can only send as a value."""

    pairs: TrainingSet

    def __getitem__(self, counter: int) -> tuple[int, Pair] | Error:
        try:
            return counter, self.pairs[counter]
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


def _collate(items: list[tuple[int, Pair] | Error]) -> Batch | Error:
    """Stack pairs; or give the first thing that went wrong."""
    numbered = []
    for item in items:
        if isinstance(item, Error):
            return item
        numbered.append(item)
    pairs = [pair for _, pair in numbered]
    return Batch(
        torch.stack([pair.x0 for pair in pairs]),
        torch.stack([pair.x1 for pair in pairs]),
        _stack_masks(pairs),
        tuple(counter for counter, _ in numbered),
    )


def _stack_masks(pairs: list[Pair]) -> Tensor | None:
    """Masks (B, 1, H, W), or None where no pair has one; beside masked pairs the loss counts all of the others."""
    if all(pair.mask is None for pair in pairs):
        return None
    return torch.stack([torch.ones_like(pair.x0[:1]) if pair.mask is None else pair.mask for pair in pairs])


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
