"""Large pictures through a network that sees only so far: each evaluation in tiles, with the same result."""

from __future__ import annotations

from itertools import product

from torch import Tensor

from .kernel.interfaces import Denoise


def tiled(denoise: Denoise, tile: int, halo: int, multiple_of: int, channels: int = 3) -> Denoise:
    """Evaluate `denoise` tile by tile over the whole x_n, each tile with a halo that is thrown away.

    Tile origins and halos are multiples of `multiple_of`, so that down-sampling meets the same grid as on the whole
    picture; with a halo of at least the receptive field the result is that of the whole picture, up to rounding.

    Args:
        tile: the side of what a tile contributes, in pixels; rounded up to a multiple of `multiple_of`.
        halo: the receptive field in pixels.
        channels: of x_n that belong to the picture; the rest conditions the network.
    """
    step = -(-tile // multiple_of) * multiple_of
    margin = -(-halo // multiple_of) * multiple_of

    def wrapped(x_n: Tensor, n: int) -> Tensor:
        height, width = x_n.shape[-2:]
        if height <= step and width <= step:
            return denoise(x_n, n)
        result = x_n.new_empty(x_n.shape[0], channels, height, width)
        for top, left in product(range(0, height, step), range(0, width, step)):
            first_row, first_column = max(top - margin, 0), max(left - margin, 0)
            seen = x_n[..., first_row : top + step + margin, first_column : left + step + margin]
            rows, columns = (
                slice(top - first_row, top - first_row + step),
                slice(left - first_column, left - first_column + step),
            )
            result[..., top : top + step, left : left + step] = denoise(seen, n)[..., rows, columns]
        return result

    return wrapped
