"""A smooth filling of holes: what a soap film would be, fixed at the hole's edge."""

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = 8
"""Pixels; a picture with a smaller side is not halved any further."""

SWEEPS, OVER = 16, 1.8
"""At each size, and the factor of over-relaxation: where it was measured, 51 dB and more from the solved equation."""


def membrane(image: Tensor, mask: Tensor) -> Tensor:
    """The image with its holes filled by Laplace's equation: each missing pixel is the mean of its four neighbours.

    Solved from coarse to fine: the halved picture's solution is the first guess (a cascadic multigrid; Bornemann &
    Deuflhard 1996), improved by sweeps of over-relaxed Gauss-Seidel over every other missing pixel, then the rest.

    Args:
        image: (C, H, W); what it holds in the holes does not matter.
        mask: (1, H, W), 1 = missing. Where nothing is known, the filling is 0.

    Returns:
        (C, H, W); known pixels as they were.
    """
    known = (mask <= 0).to(image)
    if not bool(known.any()):
        return torch.zeros_like(image)
    if bool(known.all()):
        return image
    held = torch.where(known > 0, image, 0)
    if min(image.shape[-2:]) < 2 * SMALLEST:
        guess = (held.sum((1, 2), keepdim=True) / known.sum()).expand_as(image)
    else:
        share = _halved(known)
        coarse = membrane(_halved(held) / share.clamp_min(1e-6), (share == 0).to(image))
        guess = F.interpolate(coarse[None], image.shape[-2:], mode="bilinear", align_corners=False)[0]
    return _relax(torch.where(known > 0, held, guess), mask > 0)


def _halved(x: Tensor) -> Tensor:
    """Means over 2 x 2 pixels, of what there is at an odd end."""
    return F.avg_pool2d(x[None], 2, ceil_mode=True, count_include_pad=False)[0]


def _relax(image: Tensor, missing: Tensor) -> Tensor:
    """The image itself after some sweeps over its missing pixels (1, H, W); beyond the border it goes on as it ends."""
    height, width = image.shape[-2:]
    rows, columns = torch.nonzero(missing[0], as_tuple=True)
    neighbours = torch.stack(
        [
            (rows + down).clamp(0, height - 1) * width + (columns + right).clamp(0, width - 1)
            for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
    )
    own, colour = rows * width + columns, (rows + columns) % 2
    values = image.view(len(image), -1)
    halves = [(own[colour == parity], neighbours[:, colour == parity]) for parity in (0, 1)]
    for _ in range(SWEEPS):
        for pixels, beside in halves:
            before = values[:, pixels]
            values[:, pixels] = before + OVER * (values[:, beside].mean(1) - before)
    return image
