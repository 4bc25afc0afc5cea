"""How far results are from the clean pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from i2sbkit.images import from_array
from i2sbkit.kernel.errors import Error
from i2sbkit.metrics import psnr, ssim

PERCEPTUAL = "percep_efflite0"
LABELS = {"psnr": "PSNR", "ssim": "SSIM", PERCEPTUAL: "perceptual, lower is better"}

Measure = Callable[[np.ndarray, np.ndarray], Mapping[str, float]]
"""A result and its clean picture, (H, W, 3) uint8 both, to values by name."""


def measure() -> Measure:
    """PSNR in dB and SSIM over RGB, no border cropped; and the perceptual distance where its network is installed."""
    perceptual = _perceptual()

    def measured(result: np.ndarray, clean: np.ndarray) -> Mapping[str, float]:
        a, b = from_array(result).image, from_array(clean).image
        return {"psnr": psnr(a, b), "ssim": ssim(a, b), **perceptual(a, b)}

    return measured


def decibels(result: np.ndarray, clean: np.ndarray) -> float:
    """PSNR alone."""
    return psnr(from_array(result).image, from_array(clean).image)


def _perceptual() -> Callable[[Tensor, Tensor], Mapping[str, float]]:
    from i2sbkit.metrics import Scorer

    try:
        scorer = Scorer([PERCEPTUAL], torch.device("cpu"))
    except Error:
        return lambda a, b: {}
    prepared = {}

    def distance(a: Tensor, b: Tensor) -> Mapping[str, float]:
        key = hash(b.numpy().tobytes())
        if key not in prepared:
            prepared[key] = scorer.prepared(b)
        return scorer.score(a, prepared[key]).values

    return distance
