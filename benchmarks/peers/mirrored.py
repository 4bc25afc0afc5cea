"""Convolution with reflected borders as a product of spectra: a picture and its mirror image make one period.

A picture continued by reflection (the border pixel is not repeated) has the period 2 h - 2, and a symmetric kernel
keeps it so. On that period the blur of `i2sbkit`'s `blur` is exactly a circular convolution.
"""

from __future__ import annotations

import numpy as np


def unfold(image: np.ndarray) -> np.ndarray:
    """(h, w, ...) as one period (2 h - 2, 2 w - 2, ...)."""
    pad = [(0, image.shape[0] - 2), (0, image.shape[1] - 2)] + [(0, 0)] * (image.ndim - 2)
    return np.pad(image, pad, mode="reflect")


def transfer(kernel: np.ndarray, height: int, width: int) -> np.ndarray:
    """The spectrum (height, width // 2 + 1) of a kernel whose middle is the pixel itself."""
    period = np.zeros((height, width))
    for row, column in np.ndindex(kernel.shape):
        period[(row - kernel.shape[0] // 2) % height, (column - kernel.shape[1] // 2) % width] += kernel[row, column]
    return np.fft.rfft2(period).astype(np.complex64)
