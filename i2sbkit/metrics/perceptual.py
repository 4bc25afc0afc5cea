"""Distances in the maps of a network, as LPIPS has them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .features import Look

EPSILON = 1e-10
"""Added to the length of a pixel's features, as by LPIPS's authors."""


def perceptual_distance(a: Look, b: Look, heads: Sequence[Tensor] | None = None) -> float:
    """LPIPS's form (Zhang et al. 2018, Eq. 1): features of unit length at each pixel, squared differences, the weighted
    sum over channels, the mean over pixels, the sum over maps.

    Args:
        a, b: looks at one picture each, with maps.
        heads: weights (C,) of each map's channels; None for 1 each.
    """
    total = 0.0
    for index, (map_a, map_b) in enumerate(zip(a.maps, b.maps, strict=True)):
        squared = (_unit(map_a) - _unit(map_b)).square()
        if heads is not None:
            squared = squared * heads[index].view(1, -1, 1, 1)
        total += float(squared.sum(1).mean())
    return total


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + EPSILON)
