"""Inpainting: parts of the picture are missing."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

import i2sbkit

from .membrane import membrane

SHAPES = ("center", "box", "freeform")


@dataclass(frozen=True, kw_only=True)
class Inpaint(i2sbkit.Corruption):
    """Holes: +1 (white) in the observation, noise N(fill, noise^2) once it is lifted; in the paper N(0, 1).

    Args:
        shape: "center", a hole in the middle of the picture's own proportions; "box", a rectangle anywhere, up to twice
            as long as broad; "freeform", strokes of a brush, drawn until the wanted share is met to the pixel; "any",
            one of the three, drawn.
        ratio: share of the picture that is missing, in (0, 1); a pair [low, high] is drawn from uniformly. The
            paper has 0.25 in the centre, and strokes of [0.1, 0.2] and [0.2, 0.3].
        fill: "flat", 0 in all of the hole; "membrane", what Laplace's equation makes of its edge: the bridge then
            begins much nearer to the picture, and the network has only to add what is not smooth.
        noise: standard deviation, above 0; it also shows the network where the hole is.
    """

    shape: Literal["center", "box", "freeform", "any"] = "center"
    ratio: float | tuple[float, float] = 0.25
    fill: Literal["flat", "membrane"] = "flat"
    noise: float = 1.0
    masks = True

    def __post_init__(self) -> None:
        if self.shape not in (*SHAPES, "any"):
            raise i2sbkit.Error(f'shape must be "center", "box", "freeform" or "any", got {self.shape!r}')
        low, high = self._range
        if not 0 < low <= high < 1:
            raise i2sbkit.Error(f"ratio must be in (0, 1), or [low, high] with low <= high, got {self.ratio}")
        if self.fill not in ("flat", "membrane"):
            raise i2sbkit.Error(f'fill must be "flat" or "membrane", got {self.fill!r}')
        if not 0 < self.noise < math.inf:
            raise i2sbkit.Error(f"noise must be above 0, got {self.noise}")

    @property
    def _range(self) -> tuple[float, float]:
        return self.ratio if isinstance(self.ratio, tuple | list) else (self.ratio, self.ratio)

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        mask = self.draw_mask(x0.shape[-2], x0.shape[-1], rng).to(x0)
        return i2sbkit.Observation(x0 * (1 - mask) + mask, mask)

    def lift(self, y: i2sbkit.Observation, rng: Generator) -> Tensor:
        if y.mask is None:
            raise i2sbkit.Error(
                "nothing says which pixels are missing; give a mask (--mask FILE), or a picture with transparent holes"
            )
        hole = self.noise * torch.randn(y.image.shape, generator=rng, dtype=y.image.dtype)
        if self.fill == "membrane":
            hole += membrane(y.image, y.mask)
        return torch.where(y.mask > 0, hole, y.image)

    def operator(self, y: i2sbkit.Observation) -> i2sbkit.Operator:
        """A x = (1 - mask) x, a projection: its own adjoint and pseudo-inverse; the offset is the holes."""
        if y.mask is None:
            raise i2sbkit.NotLinear("nothing says which pixels are missing; give a mask")
        mask = y.mask

        def keep(x: Tensor) -> Tensor:
            return x * (1 - mask.to(x))

        return i2sbkit.Operator(keep, keep, keep, torch.where(mask > 0, y.image, 0))

    def draw_mask(self, height: int, width: int, rng: Generator) -> Tensor:
        """(1, height, width), 1 = missing."""
        shape = self.shape if self.shape != "any" else SHAPES[int(torch.randint(3, (), generator=rng))]
        low, high = self._range
        ratio = low + (high - low) * float(torch.rand((), generator=rng))
        if shape == "freeform":
            first, last = math.ceil(low * height * width), math.floor(high * height * width)
            count = max(min(round(ratio * height * width), last), first)  # in tiny pictures no count is in the band
            return strokes(height, width, count, rng)[None]
        aspect = 1.0 if shape == "center" else 2 ** float(2 * torch.rand((), generator=rng) - 1)
        return _box(height, width, ratio, aspect, None if shape == "center" else rng)[None]


def _box(height: int, width: int, ratio: float, aspect: float, rng: Generator | None) -> Tensor:
    """A rectangle of a share of the picture, `aspect` times taller than the picture is; anywhere, or in the middle."""
    share = ratio**0.5
    tall = min(max(share * aspect**0.5, ratio), 1.0)  # from `ratio` on it is no wider than the picture
    rows = max(round(tall * height), 1)
    columns = min(max(round(ratio / tall * width), 1), width)
    spare = height - rows, width - columns
    top, left = (s // 2 if rng is None else int(torch.randint(s + 1, (), generator=rng)) for s in spare)
    mask = torch.zeros(height, width)
    mask[top : top + rows, left : left + columns] = 1
    return mask


def strokes(height: int, width: int, count: int, rng: Generator) -> Tensor:
    """Brush strokes that cover exactly `count` pixels of (height, width); 1 = covered.

    A stroke wanders through a few turns; where the last one would cover too many pixels it ends in between.
    """
    mask = torch.zeros(height, width)
    side, left = min(height, width), count
    while left > 0:
        start_y, start_x, angle, turns, thick = torch.rand(5, generator=rng).tolist()
        y, x = start_y * height, start_x * width
        angle *= 2 * math.pi
        radius = max((0.02 + 0.05 * thick) * side, 0.75)
        for turn, length in torch.rand(2 + int(6 * turns), 2, generator=rng).tolist():
            angle += (turn - 0.5) * math.pi
            step = (0.08 + 0.2 * length) * side
            end_y, end_x = y + step * math.sin(angle), x + step * math.cos(angle)
            left -= _paint(mask, (y, x), (end_y, end_x), radius, left)
            y, x = min(max(end_y, 0), height - 1), min(max(end_x, 0), width - 1)
    return mask


def _paint(mask: Tensor, start: tuple[float, float], end: tuple[float, float], radius: float, most: int) -> int:
    """Cover what lies within `radius` of a line, from its start on and no more than `most` pixels; how many are new."""
    (top, bottom), (west, east) = (
        (max(math.floor(min(a, b) - radius), 0), min(math.ceil(max(a, b) + radius) + 1, size))
        for a, b, size in zip(start, end, mask.shape, strict=True)
    )
    if most <= 0 or top >= bottom or west >= east:
        return 0
    rows, columns = torch.arange(top, bottom)[:, None] - start[0], torch.arange(west, east) - start[1]
    dy, dx = end[0] - start[0], end[1] - start[1]
    along = (rows * dy + columns * dx) / (dy * dy + dx * dx)  # 0 at the start, 1 at the end
    nearest = along.clamp(0, 1)
    near = (rows - nearest * dy).square() + (columns - nearest * dx).square() <= radius**2
    window = mask[top:bottom, west:east]
    row, column = torch.nonzero(near & (window == 0), as_tuple=True)
    first = along[row, column].argsort()[:most]
    window[row[first], column[first]] = 1
    return len(first)


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"inpaint": Inpaint}
