"""What corruptions promise."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from ..kernel.errors import NotSimulated
from ..kernel.interfaces import Corruption, Observation
from .operators import OPERATOR
from .promises import keep
from .surroundings import changed, seeded
from .values import VALUE

LARGEST = 2.0
"""Of an observation's numbers: a filter may overshoot [-1, 1], but 0..255 is another range."""


@dataclass(frozen=True)
class Damage:
    """A corruption, the pictures to try it on, and what is made of them.

    Attributes:
        x0: (3, H, W) in [-1, 1]; its sides differ, and are multiples of the scale and of 16.
        given: its observation, where the damage comes with the data.
    """

    corruption: Corruption
    x0: Tensor
    given: Observation | None

    def observe(self, seed: int = 0) -> Observation:
        """What is observed of x0."""
        return self.given or self.corruption.corrupt(self.x0.clone(), rng(seed))

    def lift(self, y: Observation, seed: int = 0) -> Tensor:
        """x1."""
        return self.corruption.lift(y, rng(seed))


def check_corruption(corruption: Corruption, pair: tuple[Tensor, Observation] | None = None) -> None:
    """See that a corruption keeps what its interface promises: promises.md, "Corruptions".

    Args:
        pair: a clean picture (C, H, W) and its observation, for damage that comes with the data (`NotSimulated`);
            without one, every `scale`-th pixel of a picture is taken for its observation.

    Raises:
        BrokenPromise: it does not.
    """
    keep(corruption, (*VALUE, has_a_scale), "Corruptions")
    x0, given = pair or _example(corruption)
    checks = (*LIFTED, *OPERATOR) if given else (*SIMULATED, *LIFTED, *OPERATOR)
    keep(Damage(corruption, x0, given), checks, "Corruptions")


def _example(corruption: Corruption) -> tuple[Tensor, Observation | None]:
    """A picture, and its observation where that comes with the data."""
    x0, scale = picture(corruption.scale), corruption.scale
    with suppress(Exception):  # whatever else it raises breaks the first promise, which tells it
        try:
            corruption.corrupt(x0.clone(), rng(0))
        except NotSimulated:
            return x0, Observation(x0[:, ::scale, ::scale].contiguous())
    return x0, None


def picture(scale: int) -> Tensor:
    """Waves and some noise, (3, H, W)."""
    unit = math.lcm(16, scale)
    height = unit * math.ceil(96 / unit)
    width = height + unit
    rows, columns = torch.linspace(0, 9, height)[:, None], torch.linspace(0, 7, width)
    waves = torch.stack([torch.sin(rows * k + columns) * torch.cos(columns * (3 - k)) for k in (1, 2, 3)])
    return 0.7 * waves + 0.3 * (2 * torch.rand(waves.shape, generator=rng(0)) - 1)


def rng(seed: int) -> Generator:
    """A generator of its own."""
    return Generator().manual_seed(seed)


def has_a_scale(corruption: Corruption) -> str | None:
    """`scale` is a whole number from 1 on, `masks` is True or False."""
    scale, masks = corruption.scale, corruption.masks
    if not isinstance(scale, int) or scale < 1 or not isinstance(masks, bool):
        return f"scale is {scale!r}, masks is {masks!r}"
    return None


def observes_a_picture(case: Damage) -> str | None:
    """An observation's image is float32, finite, and of the picture's channels and size divided by `scale`."""
    for x0 in (case.x0, case.x0.mT.contiguous()):
        y = replace(case, x0=x0).observe()
        if not isinstance(y, Observation):
            return f"a {type(y).__name__}: return i2sbkit.Observation(image)"
        image = y.image
        shape = (x0.shape[0], *(side // case.corruption.scale for side in x0.shape[1:]))
        if problem := _other_than(image, shape):
            return f"{problem}, of a picture {tuple(x0.shape)}"
    return None


def stays_in_range(case: Damage) -> str | None:
    """An observation's numbers are those of a picture in [-1, 1]; a filter may overshoot, but not beyond [-2, 2]."""
    largest = float(case.observe().image.abs().max())
    return f"up to {largest:.3g}" if largest > LARGEST else None


def masks_where_it_says(case: Damage) -> str | None:
    """A mask is float32 (1, h, w), 1 where something is missing and else 0; only a corruption with `masks` has one."""
    y = case.observe()
    if y.mask is None:
        return None
    if not case.corruption.masks:
        return "a mask, though masks is False"
    if problem := _other_than(y.mask, (1, *y.image.shape[1:])):
        return problem
    strange = y.mask[(y.mask != 0) & (y.mask != 1)]
    return f"a mask that holds {float(strange[0]):.3g}" if len(strange) else None


def leaves_x0(case: Damage) -> str | None:
    """The clean picture is left as it was."""
    x0 = case.x0.clone()
    case.corruption.corrupt(x0, rng(0))
    return None if torch.equal(x0, case.x0) else f"it changed by up to {_off(x0, case.x0):.3g}"


def follows_its_seed(case: Damage) -> str | None:
    """The same picture and seed give the same observation, whatever was damaged before and in any process."""
    with seeded(1):
        first = case.observe()
    case.observe(seed=1)
    replace(case, x0=-case.x0).observe()
    with seeded(2):
        again = case.observe()
    if first.image.shape != again.image.shape or not torch.equal(first.image, again.image):
        return "two observations that differ: draw from rng, and remember nothing"
    masks = [y.mask for y in (first, again) if y.mask is not None]
    if len(masks) == 1 or (masks and not torch.equal(*masks)):
        return "two masks that differ: draw from rng, and remember nothing"
    return None


def damages_quietly(case: Damage) -> str | None:
    """Damaging and lifting change nothing that others share: no global generator, no setting of torch."""
    found = changed(lambda: case.lift(case.observe()))
    return f"it changed {' and '.join(sorted(found))}" if found else None


def lifts_to_full_size(case: Damage) -> str | None:
    """`lift` gives x1, float32, finite, of the size of the clean picture."""
    return _other_than(case.lift(case.observe()), tuple(case.x0.shape))


def lifts_by_its_seed(case: Damage) -> str | None:
    """The same observation and seed give the same x1, and the observation is left as it was."""
    y = case.observe()
    before = y.image.clone()
    with seeded(1):
        first = case.lift(y)
    case.lift(y, seed=1)
    with seeded(2):
        again = case.lift(y)
    if not torch.equal(y.image, before):
        return "an observation that changed"
    return None if torch.equal(first, again) else f"they differ by up to {_off(first, again):.3g}"


def lifts_a_file(case: Damage) -> str | None:
    """`lift` takes what a file holds: an image rounded to 8 bits and its mask, without `params`."""
    y = case.observe()
    image = ((y.image.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1
    return _other_than(case.lift(Observation(image, y.mask)), tuple(case.x0.shape))


SIMULATED = (observes_a_picture, stays_in_range, masks_where_it_says, leaves_x0, follows_its_seed)
LIFTED = (lifts_to_full_size, lifts_by_its_seed, lifts_a_file, damages_quietly)


def _other_than(x: Tensor, shape: tuple[int, ...]) -> str | None:
    """What is wrong with a float32 tensor of a shape."""
    if not isinstance(x, Tensor):
        return f"a {type(x).__name__} in place of a tensor"
    if tuple(x.shape) != shape or x.dtype != torch.float32:
        return f"{tuple(x.shape)} {x.dtype} in place of {shape} torch.float32"
    return None if x.isfinite().all() else "numbers that are not finite"


def _off(first: Tensor, again: Tensor) -> float:
    return float((first - again).abs().max())
