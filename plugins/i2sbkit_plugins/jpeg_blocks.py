"""The transform of a JPEG codec, and the cells of its quantiser that coefficients lie in."""

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

TO_YCBCR = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]], dtype=torch.float64
)
"""JFIF: RGB in 0..255 to Y, Cb - 128, Cr - 128."""


@dataclass(frozen=True)
class Plane:
    """The cells of one component.

    Attributes:
        middle: the decoded coefficients (rows, columns, 8, 8) of its blocks, in levels.
        half: half the steps of its quantiser, (8, 8).
    """

    middle: Tensor
    half: Tensor

    def projected(self, samples: Tensor) -> Tensor:
        """The nearest samples (8 rows, 8 columns) whose coefficients are in the cells."""
        found = coefficients(samples)
        middle, half = self.middle.to(found), self.half.to(found)
        return samples_of(found.clamp(middle - half, middle + half))

    def misfit(self, samples: Tensor) -> Tensor:
        """By how many levels the coefficient of each block (rows, columns) that misses its cell most does so."""
        over = (coefficients(samples) - self.middle.to(samples)).abs() - self.half.to(samples)
        return over.amax(dim=(-2, -1)).clamp(min=0)


def dct_rows() -> Tensor:
    """The orthonormal 8-point DCT-II, rows are frequencies (T.81 A.3.3)."""
    k, i = torch.arange(8, dtype=torch.float64)[:, None], torch.arange(8, dtype=torch.float64)
    rows = torch.cos((2 * i + 1) * k * math.pi / 16) / 2
    rows[0] /= math.sqrt(2)
    return rows


def coefficients(samples: Tensor) -> Tensor:
    """The DCT (h / 8, w / 8, 8, 8) of the 8x8 blocks of samples (h, w) (T.81 A.3.3)."""
    rows = dct_rows().to(samples)
    return rows @ rearrange(samples, "(h i) (w j) -> h w i j", i=8, j=8) @ rows.T


def samples_of(found: Tensor) -> Tensor:
    """The inverse of `coefficients`."""
    rows = dct_rows().to(found)
    return rearrange(rows.T @ found @ rows, "h w i j -> (h i) (w j)")
