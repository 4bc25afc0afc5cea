"""From a photograph to a pair on the bridge: damaged by the corruption, by given masks, or by the data itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from .images import from_uint8, to_uint8
from .kernel.errors import Error
from .kernel.interfaces import Corruption, Observation
from .kernel.rng import derive_seed
from .recipe import Recipe
from .sources.masks import Masks, open_masks
from .sources.photographs import Photograph, centre, read_photograph
from .sources.shards import Index, Sample
from .sources.skipping import Damaged, Skipped


@dataclass(frozen=True)
class Pair:
    """One training sample: clean x0 and lifted x1 (3, H, W), and the mask (1, H, W) where something is missing."""

    x0: Tensor
    x1: Tensor
    mask: Tensor | None = None

    def trimmed(self, margin: int) -> Pair:
        """Without `margin` pixels at each side."""
        if margin == 0:
            return self
        inner = (..., slice(margin, -margin), slice(margin, -margin))
        return Pair(self.x0[inner], self.x1[inner], None if self.mask is None else self.mask[inner])


@dataclass(frozen=True)
class Damage:
    """What makes observations of photographs.

    Attributes:
        corruption: simulates the damage, unless one of the others brings it; lifts in any case.
        quantize: round what is simulated to 8 bits, as a file would hold it.
        paired: the data brings the degraded picture.
        masks: what is missing, in place of what the corruption would draw.
    """

    corruption: Corruption
    quantize: bool = True
    paired: bool = False
    masks: Masks | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> Damage:
        """The damage of a recipe.

        Raises:
            Error: its masks cannot be read.
        """
        masks = next((open_masks(path) for path in recipe.paths("masks")), None)
        return cls(recipe.parts.corruption, recipe.data.quantize, recipe.data.paired, masks)

    def read(self, sample: Sample) -> Photograph:
        """Decode what is needed of a sample.

        Raises:
            Error: it cannot be decoded, or the two pictures of a pair do not fit the corruption's scale.
        """
        return read_photograph(sample, self.paired, self.corruption.scale)

    def pair(self, crop: Photograph, rng: Generator, number: int | None = None) -> Pair:
        """Damage a crop and place the result on the bridge.

        Args:
            number: of the mask to take, counted on from the first after the last; None draws one.
        """
        x0 = from_uint8(crop.clean)
        y = self.observed(x0, crop.degraded, rng, number)
        return Pair(x0, self.corruption.lift(y, rng), y.mask)

    def observed(self, x0: Tensor, degraded: Tensor | None, rng: Generator, number: int | None = None) -> Observation:
        """What is observed of a clean picture x0 (C, H, W); `degraded` (8 bits) where the data brings it.

        Args:
            number: as for `pair`.
        """
        if degraded is not None:
            return Observation(from_uint8(degraded))
        if self.masks is not None:
            number = int(torch.randint(len(self.masks), (), generator=rng)) if number is None else number
            y = hidden(x0, self.masks.sized(number % len(self.masks), x0.shape[1], x0.shape[2]))
        else:
            y = self.corruption.corrupt(x0, rng)
        return quantized(y) if self.quantize else y


def quantized(y: Observation) -> Observation:
    """An observation as an 8-bit file would hand it over: clamped and rounded."""
    return replace(y, image=from_uint8(to_uint8(y.image)))


def hidden(x0: Tensor, mask: Tensor) -> Observation:
    """x0 (3, H, W) with the pixels of a mask (1, H, W) missing: white, as in the authors' pictures."""
    return Observation(torch.where(mask > 0, 1.0, x0), mask)


def validation_pairs(
    index: Index,
    damage: Damage,
    *,
    size: int,
    crop: str = "random",
    seed: int,
    count: int,
    skipped: Skipped | None = None,
) -> list[Pair]:
    """The middle of up to `count` photographs, the damage fixed by the seed and the photograph's key.

    With masks, photograph k has mask k, as in the authors' tests.

    Args:
        crop: of the training: where it is "center" the shorter side is made `size` first; else only smaller
            photographs are resized.
        skipped: takes note of photographs that are damaged; the next ones take their places.

    Raises:
        Error: a photograph or mask cannot be read; or all are damaged, or one, and `skipped` is strict or None.
    """
    pairs: list[Pair] = []
    for number, sample in enumerate(index.samples):
        if len(pairs) == count:
            break
        try:
            photograph = damage.read(sample)
        except Damaged as damaged:
            if skipped is None:
                raise
            skipped.add(damaged)
            continue
        pairs.append(damage.pair(middle(photograph, size, crop), damage_rng(seed, sample.key), number))
    if not pairs:
        raise Error("none of the photographs to validate with can be decoded; `i2sbkit shards check` says why")
    return pairs


def damage_rng(seed: int, key: str) -> Generator:
    """What the damage of a held-out photograph is drawn from: always the same."""
    return Generator().manual_seed(derive_seed(seed, key))


def middle(photograph: Photograph, size: int, crop: str) -> Photograph:
    """The square of `size` pixels in the middle of a photograph; `crop` as for `validation_pairs`."""
    whole = crop == "center"
    photograph = photograph.resized(size) if whole or photograph.shorter < size else photograph
    down, right = photograph.spare(size)
    return photograph.cut(centre(down, whole), centre(right, whole), size)
