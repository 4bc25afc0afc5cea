"""The blur of the authors' I2SB code, after DDRM's: an operator of its own, which their networks were trained on."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Generator, Tensor

import i2sbkit

ZERO = 3e-2
"""Singular values of the one-dimensional operator below this are set to 0."""


@dataclass(frozen=True, kw_only=True)
class BlurI2sb(i2sbkit.Corruption):
    """What the authors' code makes of a kernel; for a blur as cameras make it, take `blur`.

    Along either dimension the last tap is left out (8 of 9 and 4 of 5 are used, which darkens), and the picture is
    continued by black. The operator is then taken apart into singular values, sorted; coefficient number i of channel c
    gets value number 3 i + c, modulo their count, in place of its own. It stays linear, diagonal in these bases.
    Values that are equal are ordered as torch's `sort` happens to leave them, as in the authors' code.

    Args:
        kernel: "uniform", 9 pixels wide, or "gaussian", 5 pixels wide with a standard deviation of 10.
    """

    kernel: Literal["uniform", "gaussian"]

    def __post_init__(self) -> None:
        if self.kernel not in ("uniform", "gaussian"):
            raise i2sbkit.Error(f'kernel must be "uniform" or "gaussian", got {self.kernel!r}')

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        spectrum = _spectrum(self.kernel, *x0.shape)
        return i2sbkit.Observation(spectrum.apply((x0 + 1) / 2) * 2 - 1)  # black, which continues the picture, is 0

    def operator(self, y: i2sbkit.Observation) -> i2sbkit.Operator:
        """2 A ((x0 + 1) / 2) - 1 = A x0 + (A 1 - 1)."""
        spectrum = _spectrum(self.kernel, *y.image.shape)
        offset = spectrum.apply(torch.ones_like(y.image)) - 1
        return i2sbkit.Operator(spectrum.apply, spectrum.adjoint, spectrum.pseudo_inverse, offset)


@dataclass(frozen=True)
class Spectrum:
    """An operator in the bases where it is diagonal: A x = left (values o (right^T x right')) left'^T, ' for columns.

    Attributes:
        left: bases of the rows (H, H) and of the columns (W, W) that the result is in.
        right: those that the picture is taken apart in.
        values: (C, H, W).
    """

    left: tuple[Tensor, Tensor]
    right: tuple[Tensor, Tensor]
    values: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """A x, (C, H, W) -> (C, H, W)."""
        return _through(self.right, self.values, self.left, x)

    def adjoint(self, y: Tensor) -> Tensor:
        """A^T y."""
        return _through(self.left, self.values, self.right, y)

    def pseudo_inverse(self, y: Tensor) -> Tensor:
        """A^+ y; values of 0 stay 0."""
        return _through(self.left, torch.where(self.values > 0, 1 / self.values, 0), self.right, y)


def _through(source: tuple[Tensor, Tensor], values: Tensor, target: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    """Take x apart in the bases `source`, scale, and put it together in the bases `target`."""
    rows, columns, values, target_rows, target_columns = (m.to(x.device) for m in (*source, values, *target))
    return (target_rows @ (values * (rows.T @ x.double() @ columns)) @ target_columns.T).to(x.dtype)


@lru_cache(maxsize=4)
def _spectrum(kernel: str, channels: int, height: int, width: int) -> Spectrum:
    """The operator for pictures of one size.

    Raises:
        Error: smaller than the kernel.
    """
    if min(height, width) < 9:
        raise i2sbkit.Error(f"blur-i2sb needs pictures of at least 9x9 pixels, got {width}x{height}")
    with torch.inference_mode(False):  # else a first use while sampling would bar it from autograd for good
        return _made(kernel, channels, height, width)


def _made(kernel: str, channels: int, height: int, width: int) -> Spectrum:
    """`_spectrum`, without asking whether it can be."""
    u_rows, s_rows, v_rows = _svd(kernel, height)
    u_columns, s_columns, v_columns = _svd(kernel, width)
    products, place = torch.outer(s_rows, s_columns).flatten().sort(descending=True)
    coefficient = torch.arange(height * width)
    values = torch.empty(channels, height * width, dtype=torch.float64)
    for channel in range(channels):
        values[channel, place] = products[(channels * coefficient + channel) % len(products)]
    shape = (channels, height, width)
    return Spectrum((u_rows, u_columns), (v_rows, v_columns), values.view(shape))


def _svd(kernel: str, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of the convolution of `size` values with all taps but the last: U, the singular values, V; float64."""
    taps = torch.full((9,), 1 / 9, dtype=torch.float64)
    if kernel == "gaussian":
        taps = torch.exp(-0.5 * (torch.arange(-2, 3, dtype=torch.float64) / 10) ** 2)
        taps = taps / taps.sum()
    half = len(taps) // 2
    matrix = torch.zeros(size, size, dtype=torch.float64)
    for shift, tap in enumerate(taps[:-1].tolist()):
        matrix += torch.diag(torch.full((size - abs(shift - half),), tap, dtype=torch.float64), shift - half)
    u, s, vh = torch.linalg.svd(matrix)
    return u, torch.where(s < ZERO, 0, s), vh.T


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"blur-i2sb": BlurI2sb}
