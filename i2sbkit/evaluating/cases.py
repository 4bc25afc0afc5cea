"""What is evaluated: held-out photographs, cut, and damaged as the seed and their keys say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from ..images import from_uint8
from ..kernel.errors import Error
from ..kernel.interfaces import Corruption, Observation
from ..pairs import Damage, damage_rng, middle
from ..recipe import Recipe
from ..sources.name_lists import chosen
from ..sources.photographs import Photograph
from ..sources.shards import Index, Sample, open_index
from ..sources.skipping import Damaged, Skipped


@dataclass(frozen=True)
class Case:
    """One photograph and what is observed of it.

    Attributes:
        number: its place among all that are evaluated.
        key: its path in a folder or shard, without the suffix.
        clean: (C, H, W) in [-1, 1].
        observation: with all that was drawn; `blind` is what a user would have.
        label: the number of its class, where the data says.
        enlarged: the photograph was smaller than `Cases.size`.
    """

    number: int
    key: str
    clean: Tensor
    observation: Observation
    label: int | None = None
    enlarged: bool = False

    @property
    def blind(self) -> Observation:
        """The observation without what was drawn to make it, which no file tells."""
        params = self.observation.params
        return replace(self.observation, params={"file": params["file"]} if "file" in params else {})


@dataclass(frozen=True)
class Cases:
    """The cases of a data set, made one by one.

    Attributes:
        numbered: the samples and their places among all.
        size: side of the squares cut from the middle; 0 takes whole photographs.
        crop: as in recipes: "center" resizes the shorter side to `size` first.
        skipped: takes note of photographs that are damaged, which are passed over.
    """

    numbered: Sequence[tuple[int, Sample]]
    damage: Damage
    size: int
    crop: str
    seed: int
    skipped: Skipped = field(default_factory=lambda: Skipped(strict=True))

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        data: Sequence[str],
        size: int | None = None,
        subset: Path | None = None,
        count: int | None = None,
        seed: int = 0,
        corruption: Corruption | None = None,
        strict: bool = True,
    ) -> Cases:
        """The cases of photographs in shards and folders, damaged as a recipe damages.

        Args:
            size: None takes the recipe's `data.val_size`.
            subset: a file that names those that count, as `name_lists.chosen` reads it.
            count: at most so many, the first ones.
            corruption: damages in place of the recipe's, and of its masks.
            strict: damaged shards and photographs are an error; else they are left out.

        Raises:
            Error: there are none, the list names others, whole photographs are asked of a recipe that resizes, or the
                size does not fit the corruption's scale.
        """  # fmt: skip
        options = recipe.data
        size = options.val_size if size is None else size
        if size == 0 and options.crop == "center":
            raise Error("whole photographs cannot be evaluated as this recipe's data.crop is center; give a --size")
        damage = Damage.of(recipe) if corruption is None else Damage(corruption, options.quantize)
        scale = damage.corruption.scale
        if size % scale:
            raise Error(f"--size {size}: this damage makes pictures {scale} times smaller; take a multiple of {scale}")
        skipped = Skipped(strict)
        index = open_index(data, options.paired, skipped)
        samples = _in_list(index, subset) if subset else index.samples
        return cls(list(enumerate(samples[:count])), damage, size, options.crop, seed, skipped)

    def __len__(self) -> int:
        return len(self.numbered)

    def __iter__(self) -> Iterator[Case]:
        """Each in turn that is not damaged; raises Error where one cannot be read."""
        for number, sample in self.numbered:
            try:
                case = self.make(number, sample)
            except Damaged as damaged:
                self.skipped.add(damaged)
            else:
                yield case

    @property
    def fingerprint(self) -> str:
        """What is evaluated, wherever it lies: keys and sizes, in order."""
        return Index(tuple(sample for _, sample in self.numbered), shards=1).fingerprint

    def part(self, number: int, of: int) -> Cases:
        """Every `of`-th case from the `number`-th on, counted from 1."""
        return replace(self, numbered=self.numbered[number - 1 :: of])

    def beyond(self, number: int) -> Cases:
        """Those of a higher number."""
        return replace(self, numbered=[each for each in self.numbered if each[0] > number])

    def only(self, numbers: Sequence[int]) -> Cases:
        """The cases of these places, in this order."""
        by_number = dict(self.numbered)
        return replace(self, numbered=[(number, by_number[number]) for number in numbers])

    def make(self, number: int, sample: Sample) -> Case:
        """The case of a sample."""
        photograph = self.damage.read(sample)
        cut = (
            middle(photograph, self.size, self.crop) if self.size else _whole(photograph, self.damage.corruption.scale)
        )
        clean = from_uint8(cut.clean)
        observation = self.damage.observed(clean, cut.degraded, damage_rng(self.seed, sample.key), number)
        return Case(number, sample.key, clean, observation, _label(sample), photograph.shorter < self.size)


def _in_list(index: Index, names: Path) -> tuple[Sample, ...]:
    places = [sample.key for sample in index.samples]
    return tuple(index.samples[number] for number in chosen(names, places))


def _whole(photograph: Photograph, scale: int) -> Photograph:
    """All of a photograph but for the rows and columns that a corruption of this scale cannot take."""
    height, width = (side // scale * scale for side in photograph.clean.shape[1:])
    return replace(photograph, clean=photograph.clean[:, :height, :width])


def _label(sample: Sample) -> int | None:
    """The class in a sample's `cls` part, as `shards pack --labels` and webdataset write it."""
    part = sample.parts.get("cls")
    if part is None:
        return None
    try:
        return int(part.read())
    except ValueError:
        raise Error(f"{part.path}: {sample.key}: its class, {part.read()[:20]!r}, is no number") from None
