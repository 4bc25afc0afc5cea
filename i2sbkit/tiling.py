"""Large pictures through a network: each evaluation in windows, which fit together without a seam."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from .determinism import deterministic_now
from .kernel.interfaces import Denoise
from .memory import give_back_memory, out_of_memory


@dataclass(frozen=True)
class Span:
    """What a window shows of one axis, `start` to `stop`, and what each pixel of it weighs in the result.

    The weights of all spans of an axis add up to 1 at each pixel.
    """

    start: int
    stop: int
    weight: Tensor

    @property
    def pixels(self) -> slice:
        """For indexing."""
        return slice(self.start, self.stop)


Window = tuple[Span, Span]
"""Rows and columns."""


@dataclass(frozen=True)
class Tiling:
    """How pictures are cut into windows.

    All windows of a picture are equally large, as few as will do, and spread evenly; neighbours overlap by twice the
    margin at least. They begin on multiples of `multiple_of`, so that down-sampling meets the same grid everywhere.

    Attributes:
        side: no window is larger than a square of this side in pixels; it may be longer and narrower.
        margin: how far from a cut a window goes on. Where it is the receptive field, what a window gives on its side
            of the cut is what the whole picture would give.
        soft: neighbours are blended over the overlap (raised cosine), not cut in its middle.
    """

    side: int
    margin: int
    multiple_of: int = 1
    soft: bool = False

    def windows(self, height: int, width: int) -> list[Window]:
        """All windows of a picture; a single one where it is small enough."""
        short, long = sorted((height, width))
        shown, narrow = self._spans(short, self.side)
        _, wide = self._spans(long, self.side**2 // shown)
        return list(product(narrow, wide) if height <= width else product(wide, narrow))

    def _spans(self, length: int, longest: int) -> tuple[int, list[Span]]:
        """How long the windows are on an axis of this length, and their spans."""
        unit = self.multiple_of
        whole, most, overlap = -(-length // unit), longest // unit, -(-2 * self.margin // unit)
        count = max(-(-(whole - overlap) // max(most - overlap, 1)), 1) if whole > most else 1
        shown = -(-(whole - overlap) // count) + overlap if count > 1 else whole
        starts = [unit * ((whole - shown) * k // max(count - 1, 1)) for k in range(count)]
        stops = [min(start + unit * shown, length) for start in starts]
        cuts = [(stop + start) // 2 for stop, start in zip(stops, starts[1:], strict=False)]
        rise = 2 * self.margin if self.soft else 0
        spans = []
        for start, stop, begin, end in zip(starts, stops, [None, *cuts], [*cuts, None], strict=True):
            pixels = torch.arange(start, stop)
            spans.append(
                Span(start, stop, _step(pixels, begin, rise) - (0 if end is None else _step(pixels, end, rise)))
            )
        return unit * shown, spans


def _step(pixels: Tensor, cut: int | None, rise: int) -> Tensor:
    """From 0 to 1 at the cut, at once or as a raised cosine over `rise` pixels; without a cut 1 everywhere."""
    if cut is None or not rise:
        return (pixels >= (cut or 0)).float()
    return (1 - torch.cos(math.pi * ((pixels + 0.5 - cut) / rise + 0.5).clamp(0, 1))) / 2


def tiled(
    denoise: Denoise,
    tiling: Tiling,
    *,
    x1: Tensor | None = None,
    device: torch.device | None = None,
    batch: int = 1,
) -> Denoise:
    """Evaluate `denoise` window by window over the whole x_n, which stays where it is.

    Args:
        x1: (B, C, H, W), shown to the network beside x_n, for weights trained with cond_x1.
        device: where windows go for their evaluation.
        batch: so many windows at once.
    """

    def shown(x_n: Tensor, window: Window) -> Tensor:
        rows, columns = window
        parts = [x[..., rows.pixels, columns.pixels] for x in ((x_n,) if x1 is None else (x_n, x1))]
        return torch.cat(parts, dim=1).to(device)

    def wrapped(x_n: Tensor, n: int) -> Tensor:
        windows = tiling.windows(*x_n.shape[-2:])
        if len(windows) == 1:
            return denoise(shown(x_n, windows[0]), n).to(x_n.device)
        result = torch.zeros_like(x_n)
        for some in _batches(windows, batch):
            x0h = denoise(torch.cat([shown(x_n, window) for window in some]), n)
            for (rows, columns), part in zip(some, torch.split(x0h.to(x_n), len(x_n)), strict=True):
                weight = (rows.weight[:, None] * columns.weight).to(part)
                result[..., rows.pixels, columns.pixels] += weight * part
        give_back_memory()  # of the tiles: what follows works on full-size tensors
        return result

    return wrapped


def _batches(windows: Sequence[Window], batch: int) -> Iterator[list[Window]]:
    """Up to `batch` windows at a time, all of one size: those at the right and bottom edge may be smaller."""
    sizes: dict[tuple[int, int], list[Window]] = {}
    for rows, columns in windows:
        sizes.setdefault((len(rows.weight), len(columns.weight)), []).append((rows, columns))
    for equal in sizes.values():
        for first in range(0, len(equal), batch):
            yield equal[first : first + batch]


def halving(tiles: Callable[[int], Denoise], tile: int, least: int) -> Denoise:
    """`tiles(tile)`, and half the tile each time memory runs out: that evaluation is repeated, the rest goes on.

    The first time is warned of (`UserWarning`). Memory that runs out at tiles below `2 * least`, or deterministically,
    is an error as ever.
    """
    fits = tile

    def wrapped(x_n: Tensor, n: int) -> Tensor:
        nonlocal fits
        before = fits
        while (x0h := _attempt(tiles(fits), x_n, n, last=fits < 2 * least or deterministic_now())) is None:
            fits //= 2
        if fits < before == tile:
            warnings.warn(
                f"memory ran out with tiles of {before} pixels: went on with {fits}; --tile {fits} begins there",
                stacklevel=2,
            )
        return x0h

    return wrapped


def _attempt(denoise: Denoise, x_n: Tensor, n: int, last: bool) -> Tensor | None:
    """x0h, or None where memory ran out and this is not the last attempt; nothing of a failed one is kept alive."""
    try:
        return denoise(x_n, n)
    except RuntimeError as error:
        if last or not out_of_memory(error):
            raise
    return None
