"""Pixels whose samples are in the cells of a JPEG file, those of the blocks that its borders cut too."""

from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .jpeg_blocks import Plane, samples_of

ROUNDS = 8
"""How often a block at the border is brought into its cells, and to repeat, in turns."""
MISFIT = 0.5
"""Levels by which coefficients of a file that repeats may on average miss their cells after so many rounds."""


def fitted(plane: Plane, pixels: Tensor, step: tuple[int, int], repeats: bool) -> Tensor:
    """The nearest pixels (h, w) whose means over `step` can be samples of a plane; in blocks that a border cuts, near.

    Args:
        repeats: whether those blocks hold the last row and column again and again; else, beyond the border, what
            the file says is taken.
    """
    small = _means(_padded(pixels, *step), step)
    height, width = small.shape
    whole = samples_of(plane.middle.to(small))
    whole[:height, :width] = small
    change = _spread((plane.projected(whole) - whole)[:height, :width], step)
    found = pixels + change[: len(pixels), : pixels.shape[1]]
    if repeats:
        for blocks, part in _cut(plane, pixels.shape, step):
            found[part] = _repeating(blocks, pixels[part], step)
    return found


def repeating(plane: Plane, height: int, width: int) -> bool:
    """Whether what the blocks of a plane have beyond the border can be its last row and column, as libjpeg writes.

    Other encoders put there what they like, and of a picture that was cut without loss there is the rest of it.
    """
    pixels = samples_of(plane.middle)[:height, :width]
    misfits = []
    for blocks, part in _cut(plane, pixels.shape, (1, 1)):
        found = _padded(_repeating(blocks, pixels[part], (1, 1)), 8, 8)
        misfits.append(blocks.misfit(found).flatten())
    return bool(misfits) and bool(torch.cat(misfits).mean() < MISFIT)


def _cut(plane: Plane, shape: torch.Size, step: tuple[int, int]) -> Iterator[tuple[Plane, tuple[slice, slice]]]:
    """The last row and the last column of blocks where a border cuts them, and their pixels."""
    bottom, right = (side // (8 * pixels) * (8 * pixels) for side, pixels in zip(shape, step, strict=True))
    if bottom < shape[0]:
        yield replace(plane, middle=plane.middle[-1:]), (slice(bottom, None), slice(None))
    if right < shape[1]:
        yield replace(plane, middle=plane.middle[:, -1:]), (slice(None), slice(right, None))


def _repeating(plane: Plane, pixels: Tensor, step: tuple[int, int]) -> Tensor:
    """In turns into the cells, and to what repeats: libjpeg's last column of pixels, but last row of samples."""
    height, width = pixels.shape
    for _ in range(ROUNDS):
        wide = _padded(pixels, step[0], 8 * step[1])
        small = _means(wide, step)
        change = _folded(plane.projected(_padded(small, 8, 8)), len(small)) - small
        pixels = _folded((wide + _spread(change, step))[:height].T, width).T
    return pixels


def _padded(samples: Tensor, rows: int, columns: int) -> Tensor:
    """(h, w) with the last row and column repeated up to multiples of `rows` and `columns`."""
    height, width = samples.shape
    return F.pad(samples[None], (0, -width % columns, 0, -height % rows), mode="replicate")[0]


def _folded(samples: Tensor, height: int) -> Tensor:
    """The rows that come nearest to these when the last is repeated."""
    return torch.cat([samples[: height - 1], samples[height - 1 :].mean(0, keepdim=True)])


def _means(pixels: Tensor, step: tuple[int, int]) -> Tensor:
    return F.avg_pool2d(pixels[None], step)[0]


def _spread(change: Tensor, step: tuple[int, int]) -> Tensor:
    """The smallest change of pixels whose means are these: the same for all pixels of a sample."""
    return change.repeat_interleave(step[0], 0).repeat_interleave(step[1], 1)
