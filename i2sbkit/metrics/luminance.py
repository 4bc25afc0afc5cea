"""Brightness as papers on super-resolution and JPEG measure it."""

import torch
from torch import Tensor

WEIGHTS = (65.481, 128.553, 24.966)
"""Of red, green and blue in [0, 1], in 8-bit levels above black at 16 (ITU-R BT.601)."""


def luma(x: Tensor) -> Tensor:
    """BT.601 studio-swing Y, as MATLAB's `rgb2ycbcr` and the field's papers have it: black is 16 and white 235 of 255.

    The levels are left on this package's scale, -1 for 0 and 1 for 255, and are not rounded, so that
    `psnr(luma(a), luma(b))` has the field's peak of 255 although Y spans 219 levels.

    Args:
        x: (3, H, W) in [-1, 1].

    Returns:
        (1, H, W) float64 on the CPU, in [16, 235] / 127.5 - 1 = [-0.875, 0.843].
    """
    colours = (x.cpu().double() + 1) / 2
    y = 16 + torch.tensor(WEIGHTS, dtype=torch.float64).view(3, 1, 1).mul(colours).sum(0, keepdim=True)
    return y / 127.5 - 1
