"""Which tiles a picture is evaluated in: as few as the memory of the network's device allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .kernel.interfaces import Backbone, Denoise
from .memory import free_memory, peak_bytes
from .tiling import Tiling

LARGEST = 1280
"""Side of the tiles where memory allows more and the receptive field is finite: the halo costs little then."""
SMALL = 256 * 256
"""Pictures of so many pixels are not worth measuring for."""
MODEST = 3 * 10**9
"""Bytes that state and network together stay below where tiles make that possible: up to 24 megapixels."""
SHARE = 0.5
"""Of the free memory, what the network may take."""
STATES = 6
"""Full-size tensors that a walk still makes in the machine's memory."""
WORKSPACE = 2.0
"""What an evaluation takes in units of its tensors, kernels' own memory included; `compact` on a CPU: 1.6."""
PROBE = 64
"""Side of the picture that is evaluated to measure what a pixel takes."""
BLEND = 8
"""Where a network sees the whole picture, neighbours overlap by a quarter of the tile: an eighth on either side."""
LEAST = 32
"""No tile is halved below this side."""


@dataclass(frozen=True)
class TileSizes:
    """The tiles of one network.

    A tile is given by its side in pixels. Where the receptive field is finite, that is what it adds to the picture,
    and a halo as wide comes on top; else the network sees just the tile, a quarter of which its neighbour sees too.

    Attributes:
        network: the function of x_n and what conditions it, `channels` in all.
        device: where it is evaluated.
    """

    backbone: Backbone
    network: Denoise
    channels: int
    device: torch.device

    @property
    def blends(self) -> bool:
        """Whether the picture depends on the tiles: neighbours are blended, as none sees all that the network could."""
        return self.backbone.receptive_field is None

    @property
    def least(self) -> int:
        """Tiles are not halved to less."""
        return max(LEAST, self.backbone.min_size)

    def tiling(self, tile: int) -> Tiling:
        """The cuts for tiles of this side."""
        unit, reach = self.backbone.multiple_of, self.backbone.receptive_field
        tile = _up(max(tile, self.backbone.min_size), unit)
        if reach is None:
            return Tiling(tile, tile // BLEND, unit, soft=True)
        return Tiling(tile + _up(2 * reach, unit), reach, unit)

    def whole(self, tile: int, x: Tensor) -> bool:
        """Whether pictures like x (B, C, H, W) are a single tile; 0 always is."""
        return tile == 0 or len(self.tiling(tile).windows(*x.shape[-2:])) == 1

    def choose(self, x: Tensor) -> int:
        """The largest tile of pictures like x (B, C, H, W) whose evaluation leaves half of the free memory."""
        unit, reach = self.backbone.multiple_of, self.backbone.receptive_field
        height, width = x.shape[-2:]
        whole = math.isqrt(_up(height, unit) * _up(width, unit)) + 1
        if height * width <= SMALL:
            return whole
        modest = math.inf if reach is None else max(MODEST - self._state(x), MODEST / 4)
        side = math.isqrt(self._room(x, modest)) // unit * unit
        most = side if reach is None else min(side - _up(2 * reach, unit), LARGEST)
        return max(min(most, whole), self.least)

    def batch(self, tile: int, x: Tensor) -> int:
        """How many tiles are evaluated at once: as many as are no larger than the largest tile and fit into memory.

        On a CPU one: several at once are no faster there and take more memory (benchmarks/sizes.py).
        """
        if self.device.type == "cpu":
            return 1
        return max(min(self._room(x), LARGEST**2) // self.tiling(tile).side ** 2, 1)

    def _state(self, x: Tensor) -> int:
        """Bytes of the full-size tensors that a walk from pictures like x makes."""
        return STATES * x.numel() * x.element_size()

    def _room(self, x: Tensor, most: float = math.inf) -> int:
        """The pixels of pictures like x (B, C, H, W) that an evaluation may see, measured by one of a black picture.

        Args:
            most: bytes that it takes, however much memory there is.
        """
        free = free_memory(self.device)
        if self.device.type == "cpu":
            free = max(free - self._state(x), 0)
        side = _up(max(PROBE, self.backbone.min_size), self.backbone.multiple_of)
        probe = torch.zeros(1, self.channels, side, side, device=self.device)
        taken = WORKSPACE * peak_bytes(lambda: self.network(probe, 1)) / side**2
        return int(min(SHARE * free, most) / (len(x) * taken))


def _up(size: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-size // unit) * unit
