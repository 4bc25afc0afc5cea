"""Deconvolution with total variation, in numpy.

min_x  |k * x - y|^2 / 2 + weight * sum |grad x|  (isotropic), by the alternating directions of Wang, Yang, Yin and
Zhang, "A new alternating minimization algorithm for total variation image reconstruction", 2008, with multipliers.
"""

from __future__ import annotations

import numpy as np

from .mirrored import transfer, unfold

STEPS = 40


def deconvolve(image: np.ndarray, kernel: np.ndarray, weight: float) -> np.ndarray:
    """(h, w) in [0, 1], blurred by a symmetric kernel (k, k) with reflected borders, made sharp; not clamped."""
    height, width = image.shape
    y = unfold(image).astype(np.float32)
    shape = y.shape
    blur = transfer(kernel, *shape)
    down = transfer(np.array([[0.0], [-1.0], [1.0]])[::-1], *shape)  # x[i + 1] - x[i]
    right = transfer(np.array([[0.0, -1.0, 1.0]])[:, ::-1], *shape)
    penalty = 20 * weight
    power = np.abs(blur) ** 2 + penalty * (np.abs(down) ** 2 + np.abs(right) ** 2)
    data = np.conj(blur) * np.fft.rfft2(y)
    slopes = multipliers = np.zeros((2, *shape), np.float32)
    x: np.ndarray = y
    for _ in range(STEPS):
        wanted = np.fft.rfft2(slopes - multipliers)
        spectrum = (data + penalty * (np.conj(down) * wanted[0] + np.conj(right) * wanted[1])) / power
        x = np.fft.irfft2(spectrum, shape)
        gradient = np.fft.irfft2(np.stack([down * spectrum, right * spectrum]), shape)
        moved = gradient + multipliers
        length = np.maximum(np.sqrt((moved**2).sum(axis=0)), 1e-12)
        slopes = moved * np.maximum(1 - weight / penalty / length, 0)
        multipliers = moved - slopes
    return x[:height, :width]
