"""Blur: the picture convolved with a kernel, mirrored at its borders."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

import i2sbkit

MOST_SIZE = 1001
SEPARABLE = 1e-7
"""A kernel is taken for an outer product where no entry is further from it; kernels sum to 1, in float32."""


@dataclass(frozen=True, kw_only=True)
class Blur(i2sbkit.Corruption):
    """y = k * x0, with x0 continued by reflection (the border pixel is not repeated).

    Args:
        size: side of the kernel in pixels, odd; of a pair [low, high] the odd sizes are drawn from, ends included.
        kernel: "uniform" (a box), "gaussian", or "any": one of the two, drawn.
        sigma: standard deviation of the Gaussian in pixels; a pair [low, high] is drawn from, uniformly in its
            logarithm. Of no use to a uniform kernel.
    """

    size: int | tuple[int, int]
    kernel: Literal["uniform", "gaussian", "any"] = "uniform"
    sigma: float | tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.kernel not in ("uniform", "gaussian", "any"):
            raise i2sbkit.Error(f'kernel must be "uniform", "gaussian" or "any", got {self.kernel!r}')
        low, high = self._sizes
        if not 1 <= low <= high or low % 2 == 0 or high % 2 == 0:
            raise i2sbkit.Error(f"size must be odd, or [low, high] of odd numbers with low <= high, got {self.size}")
        if high > MOST_SIZE:
            raise i2sbkit.Error(f"size is at most {MOST_SIZE}, got {self.size}")
        if self.kernel != "uniform" and self.sigma is None:
            raise i2sbkit.Error(f'kernel = "{self.kernel}" needs sigma, in pixels, such as sigma = 2.0')
        if self.kernel == "uniform" and self.sigma is not None:
            raise i2sbkit.Error('a uniform kernel has no sigma; leave it out, or take kernel = "gaussian"')
        if not 0 < self._sigmas[0] <= self._sigmas[1] < math.inf:
            raise i2sbkit.Error(f"sigma must be > 0, or [low, high] with low <= high, got {self.sigma}")

    @property
    def _sizes(self) -> tuple[int, int]:
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def _sigmas(self) -> tuple[float, float]:
        sigma = 1.0 if self.sigma is None else self.sigma
        return sigma if isinstance(sigma, tuple | list) else (sigma, sigma)

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        kernel = self._draw(rng)
        return i2sbkit.Observation(convolve(x0, kernel), params={"kernel": kernel})

    def _draw(self, rng: Generator) -> Tensor:
        low, high = self._sizes
        size = low + 2 * int(torch.randint((high - low) // 2 + 1, (), generator=rng))
        uniform = self.kernel == "uniform" or (self.kernel == "any" and bool(torch.rand((), generator=rng) < 0.5))
        if uniform:
            return i2sbkit.uniform_kernel(size)
        log_low, log_high = map(math.log, self._sigmas)
        sigma = math.exp(log_low + (log_high - log_low) * float(torch.rand((), generator=rng)))
        return i2sbkit.gaussian_kernel(size, sigma)

    def operator(self, y: i2sbkit.Observation) -> i2sbkit.Operator:
        """The convolution with `y.params["kernel"]`, any (h, w) of odd sizes; `pinv` where it is an outer product."""
        if "kernel" not in y.params:
            raise i2sbkit.NotLinear("the kernel of this blur is not known; say it with --kernel (kernel= in Python)")
        kernel: Tensor = y.params["kernel"]
        pinv = partial(deconvolve, kernel=kernel) if _factors(kernel) else None
        return i2sbkit.Operator(partial(convolve, kernel=kernel), partial(correlate, kernel=kernel), pinv)


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """k * x: (C, H, W) with a kernel (h, w) of odd sizes, x mirrored at its borders.

    Raises:
        Error: the picture is smaller than the kernel reaches.
    """
    height, width = (side // 2 for side in kernel.shape)
    if height >= x.shape[-2] or width >= x.shape[-1]:
        size = f"{kernel.shape[1]}x{kernel.shape[0]}"
        raise i2sbkit.Error(f"a picture of {x.shape[-1]}x{x.shape[-2]} is too small for a blur of {size} pixels")
    x = F.pad(x[None], (width, width, height, height), mode="reflect")[0]
    return _slide(x, kernel.flip(0, 1))


def correlate(y: Tensor, kernel: Tensor) -> Tensor:
    """The adjoint of `convolve`: correlation, with what falls beyond the borders folded back."""
    height, width = (side // 2 for side in kernel.shape)
    y = F.pad(y, (2 * width, 2 * width, 2 * height, 2 * height))
    return _fold(_fold(_slide(y, kernel), height, -2), width, -1)


def deconvolve(y: Tensor, kernel: Tensor) -> Tensor:
    """The pseudo-inverse of `convolve`, for a kernel that is an outer product.

    Singular values below 1e-5 of the largest count as 0: a wide kernel leaves nothing of the finest detail.
    """
    factors = _factors(kernel)
    assert factors, "operator() offers a pseudo-inverse of outer products only"
    rows, columns = factors
    undo_rows: Tensor = _pseudo_inverse(rows, y.shape[-2]).to(y.device)
    undo_columns = _pseudo_inverse(columns, y.shape[-1]).to(y.device)
    return (undo_rows @ y.double() @ undo_columns.T).to(y.dtype)


def _pseudo_inverse(taps: Tensor, size: int) -> Tensor:
    """Of the convolution of `size` values with taps, as a matrix."""
    identity = torch.eye(size, dtype=torch.float64)[None]
    matrix = convolve(identity, taps.double()[:, None])[0]
    inverse: Tensor = torch.linalg.pinv(matrix, rtol=1e-5)
    return inverse


def _slide(x: Tensor, kernel: Tensor) -> Tensor:
    """The correlation of (C, H, W) with a kernel (h, w), where it fits whole."""
    factors = _factors(kernel)
    if factors is None:
        convolved: Tensor = F.conv2d(x[:, None], kernel.to(x)[None, None])
        return convolved[:, 0]
    rows, columns = factors
    return _weighted(_weighted(x, rows.tolist(), -2), columns.tolist(), -1)


def _weighted(x: Tensor, taps: list[float], dim: int) -> Tensor:
    """The weighted sum of shifted copies of x along a dimension: faster on a CPU than any convolution of torch."""
    if len(taps) > 1 and min(taps) == max(taps):
        return _summed(x, len(taps), dim).mul_(taps[0])
    length = x.shape[dim] - len(taps) + 1
    total: Tensor = taps[0] * x.narrow(dim, 0, length)
    for shift, tap in enumerate(taps[1:], 1):
        total.add_(x.narrow(dim, shift, length), alpha=tap)
    return total


def _summed(x: Tensor, count: int, dim: int) -> Tensor:
    """The sum of `count` neighbours along a dimension, from sums of half as many."""
    if count == 1:
        return x
    half, length = _summed(x, count // 2, dim), x.shape[dim] - count + 1
    total = half.narrow(dim, 0, length) + half.narrow(dim, count // 2, length)
    return total.add_(x.narrow(dim, count - 1, length)) if count % 2 else total


def _fold(x: Tensor, margin: int, dim: int) -> Tensor:
    """The adjoint of mirroring `margin` values beyond each end of a dimension."""
    if margin == 0:
        return x
    length = x.shape[dim] - 2 * margin
    inner = x.narrow(dim, margin, length).clone()
    inner.narrow(dim, 1, margin).add_(x.narrow(dim, 0, margin).flip(dim))
    inner.narrow(dim, length - 1 - margin, margin).add_(x.narrow(dim, margin + length, margin).flip(dim))
    return inner


def _factors(kernel: Tensor) -> tuple[Tensor, Tensor] | None:
    """Rows and columns of which the kernel is the outer product, float64; None where it is none."""
    kernel = kernel.double()
    row, column = divmod(int(kernel.abs().argmax()), kernel.shape[1])
    rows, columns = kernel[:, column], kernel[row] / kernel[row, column]
    return (rows, columns) if torch.allclose(torch.outer(rows, columns), kernel, rtol=0, atol=SEPARABLE) else None


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"blur": Blur}
