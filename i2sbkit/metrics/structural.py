"""Similarities of local structure."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 11
"""The side of the Gaussian window that local statistics are taken in."""
C1, C2 = 0.01**2, 0.03**2
"""(K1 L)^2 and (K2 L)^2 for values that span L = 1."""
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponents of MS-SSIM's five scales, the finest first."""
LEAST_MS_SSIM = WINDOW * 2 ** (len(SCALES) - 1)
"""The smallest side that leaves a whole window at the coarsest scale."""


def ssim(a: Tensor, b: Tensor) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window 11x11, sigma 1.5, K1 0.01, K2 0.03, mean over channels.

    Population statistics, and the mean over the places where the window fits whole: on values from 0 to the range, as
    the luminance term wants them, scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False)`.

    Args:
        a, b: (C, H, W) in [-1, 1], at least 11 pixels high and wide.
    """
    luminance, contrast = _terms(_from_zero(a), _from_zero(b))
    return float((luminance * contrast).mean())


def ms_ssim(a: Tensor, b: Tensor) -> float:
    """Multi-scale structural similarity (Wang et al. 2003): contrast and structure at five scales, luminance at one.

    In what the paper leaves open this is torchmetrics 1.9.0: each scale is the one before averaged over 2x2 pixels, an
    odd row or column left out; means are over channels and the places where the window fits whole, but at the coarsest
    scale over all places, the picture mirrored at its borders; a mean below 0 counts as 0.

    Args:
        a, b: (C, H, W) in [-1, 1], at least 176 pixels high and wide.
    """
    a, b = _from_zero(a), _from_zero(b)
    means: list[float] = []
    for _ in SCALES[1:]:
        means.append(float(_terms(a, b)[1].mean()))
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    around = [WINDOW // 2] * 4
    luminance, contrast = _terms(F.pad(a, around, "reflect"), F.pad(b, around, "reflect"))
    means.append(float((luminance * contrast).mean()))
    return math.prod(math.pow(max(mean, 0), power) for mean, power in zip(means, SCALES, strict=True))


def _from_zero(x: Tensor) -> Tensor:
    return (x.cpu().double() + 1) / 2


def _terms(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM's luminance term, and its contrast and structure in one, wherever the window fits whole."""
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b, cov = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2, _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return luminance, (2 * cov + C2) / (var_a + var_b + C2)


def _blur(x: Tensor) -> Tensor:
    """The Gaussian mean of (C, H, W) float64, wherever the window fits whole."""
    taps = torch.exp(-0.5 * (torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2).div(1.5).square())
    taps = taps / taps.sum()
    for axis in (1, 2):  # sums of shifted pictures: several times as fast as convolutions of float64 on CPUs
        inside = x.shape[axis] - WINDOW + 1
        shifted = torch.zeros_like(x.narrow(axis, 0, inside))
        for start, tap in enumerate(taps.tolist()):
            shifted.add_(x.narrow(axis, start, inside), alpha=tap)
        x = shifted
    return x
