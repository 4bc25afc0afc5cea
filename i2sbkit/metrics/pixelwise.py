"""Ratios of signal to noise: logarithms of mean squared errors."""

import math

from torch import Tensor

BLOCK = 8
"""The side of JPEG's blocks."""


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over all channels (RGB), no border cropped; inf for equal pictures.

    Args:
        a, b: (..., H, W) in [-1, 1]; the peak is 2.
    """
    return _decibels(_error(a, b))


def psnr_b(result: Tensor, reference: Tensor) -> float:
    """PSNR with blocking effect (Yim & Bovik 2011): steps of `result` at the edges of blocks count as errors too.

    The blocks are 8x8 and begin at the picture's first pixel. The numbers of steps that means are taken over are those
    that the paper prints (Eqs. 8-11: N_V N_H / B - 1 at edges), which its authors' code and torchmetrics follow;
    counted one by one there are N_V (N_H / B - 1) of them.

    Args:
        result, reference: (1, H, W) in [-1, 1], gray or `luma`, more than 8 pixels high and wide; the peak is 2.
    """
    return _decibels(_error(result, reference) + _blocking(result.cpu().double()))


def _decibels(error: float) -> float:
    return 10 * math.log10(4 / error) if error else math.inf


def _error(a: Tensor, b: Tensor) -> float:
    return float((a.cpu().double() - b.cpu().double()).square().mean())


def _blocking(x: Tensor) -> float:
    """The blocking effect factor of (1, H, W): by how much steps at edges are larger, squared, than those between."""
    height, width = x.shape[-2:]
    across = (x[..., 1:] - x[..., :-1]).square()
    down = (x[..., 1:, :] - x[..., :-1, :]).square()
    at_edges = float(across[..., BLOCK - 1 :: BLOCK].sum() + down[..., BLOCK - 1 :: BLOCK, :].sum())
    between = float(across.sum() + down.sum()) - at_edges
    edges = 2 * (height * width / BLOCK - 1)
    excess = at_edges / edges - between / (across.numel() + down.numel() - edges)
    return max(excess, 0) * math.log2(BLOCK) / math.log2(min(height, width))
