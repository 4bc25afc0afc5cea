"""Distances between pictures."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over all channels (RGB), no border cropped; inf for equal pictures.

    Args:
        a, b: (..., H, W) in [-1, 1]; the peak is 2.
    """
    error = float((a.double() - b.double()).square().mean())
    return 10 * math.log10(4 / error) if error else math.inf


def ssim(a: Tensor, b: Tensor) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window 11x11, sigma 1.5, K1 0.01, K2 0.03, mean over channels.

    Population statistics, and the mean over the places where the window fits whole: on values from 0 to the range, as
    the luminance term wants them, scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False)`.

    Args:
        a, b: (C, H, W) in [-1, 1], at least 11 pixels high and wide.
    """
    taps = torch.exp(-0.5 * (torch.arange(-5, 6, dtype=torch.float64) / 1.5) ** 2)
    taps = taps / taps.sum()

    def blur(x: Tensor) -> Tensor:
        x = F.conv2d(x.unsqueeze(1), taps.view(1, 1, 11, 1))
        return F.conv2d(x, taps.view(1, 1, 1, 11)).squeeze(1)

    a, b = (a.double().cpu() + 1) / 2, (b.double().cpu() + 1) / 2
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, cov = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_a * mean_b + c1) * (2 * cov + c2)) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(similarity.mean())
