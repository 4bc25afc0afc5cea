"""Super-resolution: the picture made smaller by a whole factor."""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from einops import reduce, repeat
from torch import Generator, Tensor

import i2sbkit

MOST_SCALE = 64


@dataclass(frozen=True, kw_only=True)
class Superres(i2sbkit.Corruption):
    """y = x0 filtered and decimated, not clamped; lifted by repeating each pixel, as in the paper.

    A picture whose sides are no multiples of `scale` is cropped at the right and bottom first, with a warning.

    Args:
        scale: the factor, 2 to 64.
        filter: "pool", the mean of scale x scale pixels; or "bicubic", the cubic of Keys (1981) with a = -0.5, widened
            by the factor, the picture mirrored at its borders with the border pixel repeated.
    """

    scale: int = 4
    filter: Literal["bicubic", "pool"] = "bicubic"

    def __post_init__(self) -> None:
        if not 2 <= self.scale <= MOST_SCALE:
            raise i2sbkit.Error(f"scale must be at least 2 and at most {MOST_SCALE}, got {self.scale}")
        if self.filter not in ("bicubic", "pool"):
            raise i2sbkit.Error(f'filter must be "bicubic" or "pool", got {self.filter!r}')

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        return i2sbkit.Observation(self._linear().A(self._cropped(x0)))

    def lift(self, y: i2sbkit.Observation, rng: Generator) -> Tensor:
        return enlarge(y.image, self.scale)

    def operator(self, y: i2sbkit.Observation) -> i2sbkit.Operator:
        return self._linear()

    def _linear(self) -> i2sbkit.Operator:
        s = self.scale
        if self.filter == "pool":
            return i2sbkit.Operator(partial(pool, scale=s), lambda y: enlarge(y, s) / s**2, partial(enlarge, scale=s))
        return i2sbkit.Operator(partial(bicubic, scale=s), partial(spread, scale=s), partial(sharpest, scale=s))

    def _cropped(self, x0: Tensor) -> Tensor:
        height, width = x0.shape[-2:]
        fits = height - height % self.scale, width - width % self.scale
        if 0 in fits:
            raise i2sbkit.Error(f"a picture of {width}x{height} is too small to be made {self.scale} times smaller")
        if fits != (height, width):
            warnings.warn(
                f"a picture of {width}x{height} is cropped to {fits[1]}x{fits[0]}, multiples of {self.scale}",
                stacklevel=3,
            )
        return x0[..., : fits[0], : fits[1]]


def pool(x: Tensor, scale: int) -> Tensor:
    """(C, H, W) -> (C, H / scale, W / scale): the mean of each square."""
    return reduce(x, "c (h i) (w j) -> c h w", "mean", i=scale, j=scale)


def enlarge(y: Tensor, scale: int) -> Tensor:
    """(C, h, w) -> (C, h scale, w scale): each pixel repeated."""
    return repeat(y, "c h w -> c (h i) (w j)", i=scale, j=scale)


def bicubic(x: Tensor, scale: int) -> Tensor:
    """(C, H, W) -> (C, H / scale, W / scale)."""
    return decimate(decimate(x, scale, -2), scale, -1)


def spread(y: Tensor, scale: int) -> Tensor:
    """The adjoint of `bicubic`: (C, h, w) -> (C, h scale, w scale)."""
    return scatter(scatter(y, scale, -1), scale, -2)


def sharpest(y: Tensor, scale: int) -> Tensor:
    """The pseudo-inverse of `bicubic`, A^T (A A^T)^-1: of all pictures that lead to y the one of least energy."""
    z = y.double()
    for dim in (-2, -1):
        lines = torch.eye(z.shape[dim], dtype=torch.float64)
        transposed = scatter(lines[None], scale, -2)[0]  # A^T of one dimension as a matrix, (h scale, h)
        inverse = transposed @ torch.linalg.inv(transposed.T @ transposed)
        z = torch.movedim(torch.movedim(z, dim, -1) @ inverse.T, -1, dim)
    return z.to(y.dtype)


def decimate(x: Tensor, scale: int, dim: int) -> Tensor:
    """Filter by the cubic and keep every `scale`-th value, along one of the last two dimensions of (C, H, W)."""
    mirrored = x.index_select(dim, _mirrored(x.shape[dim], scale).to(x.device))
    return F.conv2d(mirrored[:, None], _along(cubic_taps(scale), dim).to(x), stride=_stride(scale, dim))[:, 0]


def scatter(y: Tensor, scale: int, dim: int) -> Tensor:
    """The adjoint of `decimate`."""
    wide = F.conv_transpose2d(y[:, None], _along(cubic_taps(scale), dim).to(y), stride=_stride(scale, dim))[:, 0]
    shape = list(y.shape)
    shape[dim] *= scale
    return wide.new_zeros(shape).index_add_(dim, _mirrored(shape[dim], scale).to(y.device), wide)


def cubic_taps(scale: int) -> Tensor:
    """The weights of the input pixels within 2 scale of an output pixel's place: 4 scale, one less if odd; float64."""
    count = 4 * scale - scale % 2
    x = (torch.arange(count, dtype=torch.float64) - (count - 1) / 2).abs() / scale
    taps = torch.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2)
    return taps / taps.sum()


def _mirrored(size: int, scale: int) -> Tensor:
    """The values that the taps of all outputs meet in turn, as indices: ... 1 0 0 1 ... size-1 size-1 size-2 ..."""
    count = len(cubic_taps(scale))
    before = count // 2 - scale // 2
    index = torch.arange(-before, size + count - scale - before) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)


def _along(taps: Tensor, dim: int) -> Tensor:
    """Taps as a kernel of conv2d that runs along a dimension."""
    return taps.reshape(1, 1, -1, 1) if dim == -2 else taps.reshape(1, 1, 1, -1)


def _stride(scale: int, dim: int) -> tuple[int, int]:
    return (scale, 1) if dim == -2 else (1, scale)


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"superres": Superres}
