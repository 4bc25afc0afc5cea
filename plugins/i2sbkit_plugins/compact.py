"""The built-in backbone: a small time-conditioned U-shaped network made for CPUs.

The blocks are those of NAFNet (Chen et al. 2022, "Simple Baselines for Image Restoration", arXiv:2204.04676) without
its channel attention: nothing here looks at the whole image, so tiles with a halo give what the whole image gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2sbkit

MOST_LEVELS = 12
"""The size is halved so often."""
MOST_WIDTH, MOST_BLOCKS, MOST_TIME_DIM = 4096, 1000, 8192
"""Far beyond what anybody trains; without them a slip of the finger takes all memory, or builds without end."""


@dataclass(frozen=True)
class Compact(i2sbkit.Backbone):
    """A U-shaped network of gated convolutions; every level halves the size and doubles the channels.

    Attributes:
        width: channels at full size.
        encoder: blocks at each level on the way down.
        middle: blocks at the bottom.
        decoder: blocks at each level on the way up, the full size first, as in `encoder`.
        time_dim: size of the embedding of the time; even.

    Raises:
        i2sbkit.Error: an option is out of range.
    """

    width: int = 16
    encoder: tuple[int, ...] = (1, 1, 2, 4)
    middle: int = 2
    decoder: tuple[int, ...] = (1, 1, 1, 1)
    time_dim: int = 128

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MOST_WIDTH:
            raise i2sbkit.Error(f"compact: width is {self.width}; take 1 to {MOST_WIDTH}, such as width = 16")
        if not 4 <= self.time_dim <= MOST_TIME_DIM or self.time_dim % 2:
            raise i2sbkit.Error(
                f"compact: time_dim is {self.time_dim}; take an even number from 4 to {MOST_TIME_DIM}, such as 128"
            )
        if len(self.encoder) != len(self.decoder):
            raise i2sbkit.Error(
                f"compact: encoder has {len(self.encoder)} levels and decoder {len(self.decoder)}; "
                "give both as many numbers, such as encoder = [1, 1, 2, 4] and decoder = [1, 1, 1, 1]"
            )
        if len(self.encoder) > MOST_LEVELS:
            raise i2sbkit.Error(f"compact: encoder has {len(self.encoder)} levels; take at most {MOST_LEVELS}")
        blocks = (*self.encoder, self.middle, *self.decoder)
        if not self.encoder or min(blocks) < 0 or max(blocks) > MOST_BLOCKS:
            raise i2sbkit.Error(
                f"compact: encoder, middle and decoder count blocks, 0 to {MOST_BLOCKS} a level; give encoder and "
                "decoder at least one level each, such as encoder = [1, 1, 2, 4], middle = 2, decoder = [1, 1, 1, 1]"
            )

    @property
    def multiple_of(self) -> int:  # type: ignore[override]
        """2 to the number of levels."""
        return 1 << len(self.encoder)

    @property
    def min_size(self) -> int:  # type: ignore[override]
        """One pixel at the bottom."""
        return self.multiple_of

    @property
    def receptive_field(self) -> int:  # type: ignore[override]
        """The largest distance in pixels over all alignments of an output pixel with the grid of the bottom level."""
        return max(self._reach(pixel) for pixel in range(self.multiple_of))

    def _reach(self, pixel: int) -> int:
        """How far the output pixel at this coordinate looks: its interval, followed backwards through the network.

        The skip connections need no look: the way over the level below always comes back with a wider interval.
        """
        low, high = pixel - 1, pixel + 1
        for blocks in self.decoder:
            low, high = (low - blocks) // 2, (high + blocks) // 2
        low, high = low - self.middle, high + self.middle
        for blocks in reversed(self.encoder):
            low, high = 2 * low - blocks, 2 * high + 1 + blocks
        return max(pixel - (low - 1), high + 1 - pixel)

    def build(self, in_channels: int, out_channels: int) -> nn.Module:
        """A network (B, in_channels, H, W), t (B,) -> (B, out_channels, H, W); it starts as the zero function."""
        return CompactNet(self, in_channels, out_channels)


@i2sbkit.hookimpl
def backbones() -> dict[str, type]:
    return {"compact": Compact}


class CompactNet(nn.Module):
    """The network of `Compact`. Fastest in channels_last, which it keeps."""

    def __init__(self, options: Compact, in_channels: int, out_channels: int) -> None:
        super().__init__()
        widths = [options.width * 2**level for level in range(len(options.encoder))]
        self.intro = nn.Conv2d(in_channels, options.width, 3, padding=1)
        self.encoder = nn.ModuleList(stage(c, n) for c, n in zip(widths, options.encoder, strict=True))
        self.down = nn.ModuleList(nn.Conv2d(c, 2 * c, 2, stride=2) for c in widths)
        self.middle = stage(2 * widths[-1], options.middle)
        climb = list(zip(widths, options.decoder, strict=True))[::-1]
        self.up = nn.ModuleList(nn.Conv2d(2 * c, 4 * c, 1, bias=False) for c, _ in climb)
        self.decoder = nn.ModuleList(stage(c, n) for c, n in climb)
        self.ending = nn.Conv2d(options.width, out_channels, 3, padding=1)
        for parameter in self.ending.parameters():
            nn.init.zeros_(parameter)
        blocks = [module for module in self.modules() if isinstance(module, Block)]  # in the order they run
        self.time = TimeMlp(options.time_dim, [4 * block.channels for block in blocks])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x (B, in, H, W), H and W multiples of `multiple_of`; t (B,), from about 0.1 to 1000 -> (B, out, H, W)."""
        modulation = iter(self.time(t))
        x = self.intro(x)
        skips = []
        for blocks, down in zip(self.encoder, self.down, strict=True):
            x = run(blocks, x, modulation)
            skips.append(x)
            x = down(x)
        x = run(self.middle, x, modulation)
        for up, blocks in zip(self.up, self.decoder, strict=True):
            x = F.pixel_shuffle(up(x), 2) + skips.pop()
            x = run(blocks, x, modulation)
        output: Tensor = self.ending(x)
        return output


class Block(nn.Module):
    """A NAFNet block: mix the neighbourhood, then the channels, each gated by half of itself, each a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.spread = nn.Conv2d(channels, 2 * channels, 1)
        self.depthwise = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.gather = nn.Conv2d(channels, channels, 1)
        self.expand = nn.Conv2d(channels, 2 * channels, 1)
        self.reduce = nn.Conv2d(channels, channels, 1)
        # From 0 a block starts as the identity, which keeps the first steps of a deep network calm.
        self.scale1 = nn.Parameter(torch.zeros(channels, 1, 1))
        self.scale2 = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """x (B, C, H, W), modulation (B, 4C, 1, 1): scale and shift of either half -> (B, C, H, W)."""
        a1, b1, a2, b2 = torch.chunk(modulation, 4, dim=1)
        near = self.depthwise(self.spread(normalise(x) * (1 + a1) + b1))
        x = x + self.scale1 * self.gather(gate(near))
        across: Tensor = self.reduce(gate(self.expand(normalise(x) * (1 + a2) + b2)))
        return x + self.scale2 * across


class TimeMlp(nn.Module):
    """The time as every block is told of it: one layer for all blocks, as many small ones would cost more."""

    def __init__(self, dim: int, sizes: list[int]) -> None:
        super().__init__()
        self.dim, self.sizes = dim, sizes
        self.mlp = nn.Sequential(
            nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, sum(sizes))
        )

    def forward(self, t: Tensor) -> tuple[Tensor, ...]:
        """t (B,) -> for each of `sizes` a tensor (B, size, 1, 1)."""
        told: Tensor = self.mlp(sinusoids(t, self.dim).to(next(self.parameters()).dtype))
        return torch.split(told[:, :, None, None], self.sizes, dim=1)


def sinusoids(t: Tensor, dim: int) -> Tensor:
    """t (B,) -> (B, dim) float32: cosines and sines of t at frequencies from 1 down to 1e-4 (Vaswani et al. 2017)."""
    half = dim // 2
    frequency = torch.exp(-math.log(1e4) / (half - 1) * torch.arange(half, device=t.device))
    angle = t.float()[:, None] * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def stage(channels: int, blocks: int) -> nn.ModuleList:
    """So many blocks of one size."""
    return nn.ModuleList(Block(channels) for _ in range(blocks))


def run(blocks: nn.Module, x: Tensor, modulation: Iterator[Tensor]) -> Tensor:
    """x through a stage, each block with its own modulation."""
    for block in blocks.children():
        x = block(x, next(modulation))
    return x


def normalise(x: Tensor) -> Tensor:
    """LayerNorm over the channels of each pixel, (B, C, H, W); on a channels_last tensor the permutes are free."""
    return F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],)).permute(0, 3, 1, 2)


def gate(x: Tensor) -> Tensor:
    """(B, 2C, H, W) -> (B, C, H, W): one half of the channels times the other."""
    left, right = torch.chunk(x, 2, dim=1)
    return left * right
