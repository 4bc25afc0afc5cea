"""Columns of a table that compare one picture with another, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from ..kernel.errors import Error
from ..kernel.plugins import did_you_mean
from .luminance import luma
from .pixelwise import BLOCK, psnr, psnr_b
from .structural import LEAST_MS_SSIM, WINDOW, ms_ssim, ssim

Measure = Callable[[Tensor, Tensor], float]

MEASURES: dict[str, tuple[Measure, int]] = {
    "psnr_rgb": (psnr, 1),
    "psnr_y": (lambda result, reference: psnr(luma(result), luma(reference)), 1),
    "ssim_rgb": (ssim, WINDOW),
    "ssim_y": (lambda result, reference: ssim(luma(result), luma(reference)), WINDOW),
    "ms_ssim_rgb": (ms_ssim, LEAST_MS_SSIM),
    "ms_ssim_y": (lambda result, reference: ms_ssim(luma(result), luma(reference)), LEAST_MS_SSIM),
    "psnr_b_y": (lambda result, reference: psnr_b(luma(result), luma(reference)), BLOCK + 1),
}
"""What is measured of (result, reference), and the smallest side that it takes."""


@dataclass(frozen=True)
class Column:
    """A number that compares a result with its reference.

    Attributes:
        measure: of (result, reference), each (3, H, W) in [-1, 1].
        least: the smallest side that it takes, what is cropped included.
    """

    name: str
    higher_is_better: bool
    measure: Measure
    least: int


def column(name: str) -> Column:
    """The column of that name: one of `MEASURES`, and `_cropN` after it to leave out N pixels at each border.

    Raises:
        Error: no such column, or a crop that it cannot take.
    """
    base, cropped, digits = name.partition("_crop")
    if base not in MEASURES:
        raise Error(unknown_column(name, MEASURES))
    measure, least = MEASURES[base]
    if not cropped:
        return Column(name, True, measure, least)
    if not re.fullmatch("[1-9][0-9]*", digits):
        raise Error(f"column {name!r}: after _crop comes a number of pixels, as in {base}_crop4")
    border = int(digits)
    if base == "psnr_b_y" and border % BLOCK:
        raise Error(f"column {name!r}: the crop would move JPEG's blocks; use a multiple of {BLOCK}")

    def measure_inside(result: Tensor, reference: Tensor) -> float:
        inside = (..., slice(border, -border), slice(border, -border))
        return measure(result[inside], reference[inside])

    return Column(name, True, measure_inside, least + 2 * border)


def unknown_column(name: str, known: Iterable[str]) -> str:
    """What to say of a name that is no column's."""
    return f"no column {name!r}" + (did_you_mean(name, known) or f"; there are {', '.join(known)}")
