"""A diffusion transformer: Peebles & Xie 2023, "Scalable Diffusion Models with Transformers" (arXiv:2212.09748).

The picture is cut into patches, each a token; time scales, shifts and gates every block (adaLN-Zero, Sec. 3.2). Where
a token stands is told by rotating queries and keys (Su et al. 2021, arXiv:2104.09864), half of the channels by its row,
half by its column: only distances count, so pictures may have any size.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

import i2sbkit

SLOWEST = 100.0
"""How many tokens apart the slowest rotation turns by a radian; the fastest does so between neighbours."""


@dataclass(frozen=True)
class Dit(i2sbkit.Backbone):
    """Transformer blocks over patches; the network begins as the zero function.

    Args:
        patch: side of a patch in pixels, from 1.
        width: channels of a token; a multiple of 4 heads.
        depth: blocks, from 1.
        heads: of the attention, from 1.
        attention: "auto" and "sdpa" are torch's own, "xformers" its memory_efficient_attention: the same mathematics.
    """

    patch: int = 4
    width: int = 192
    depth: int = 6
    heads: int = 3
    attention: Literal["auto", "sdpa", "xformers"] = "auto"

    def __post_init__(self) -> None:
        for name in ("patch", "width", "depth", "heads"):
            if getattr(self, name) < 1:
                raise i2sbkit.Error(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.width % (4 * self.heads):
            raise i2sbkit.Error(
                f"width must be a multiple of 4 x heads, {4 * self.heads}, to tell rows from columns, got {self.width}"
            )
        if self.attention not in ("auto", "sdpa", "xformers"):
            raise i2sbkit.Error(f'attention must be "auto", "sdpa" or "xformers", got {self.attention!r}')

    @property
    def multiple_of(self) -> int:  # type: ignore[override]
        """A whole number of patches."""
        return self.patch

    @property
    def min_size(self) -> int:  # type: ignore[override]
        """One patch."""
        return self.patch

    def build(self, in_channels: int, out_channels: int) -> nn.Module:
        """A network (B, in_channels, H, W), t (B,) -> (B, out_channels, H, W)."""
        return DitNet(self, in_channels, out_channels)

    def check_device(self, device: torch.device) -> None:
        """See `i2sbkit.Backbone.check_device`: whether `attention` runs there."""
        i2sbkit.check_attention(self.attention, device)


@i2sbkit.hookimpl
def backbones() -> dict[str, type]:
    return {"dit": Dit}


class DitNet(nn.Module):
    """The network of `Dit`."""

    def __init__(self, options: Dit, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.options, width = options, options.width
        self.enter = nn.Conv2d(in_channels, width, options.patch, stride=options.patch)
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.blocks = nn.ModuleList(Block(width, options.heads, options.attention) for _ in range(options.depth))
        self.modulation = zeroed(nn.Linear(width, 2 * width))
        self.leave = zeroed(nn.Linear(width, out_channels * options.patch**2))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x (B, in, H, W), H and W multiples of the patch, t (B,) -> (B, out, H, W)."""
        tokens = self.enter(x)
        height, width = tokens.shape[2:]
        turn = rotation(height, width, self.options.width // self.options.heads, tokens)
        tokens = tokens.flatten(2).transpose(1, 2)  # (B, tokens, width)
        told = self.time(sinusoids(t, 256).to(tokens.dtype))
        for block in self.blocks:
            tokens = block(tokens, told, turn)
        scale, shift = self.modulation(told)[:, None].chunk(2, dim=-1)
        patches = self.leave(normalise(tokens) * (1 + scale) + shift)
        picture = patches.transpose(1, 2).reshape(len(x), -1, height, width)
        result: Tensor = nn.functional.pixel_shuffle(picture, self.options.patch)
        return result


class Block(nn.Module):
    """Attention over all tokens, then a perceptron for each; time scales, shifts and gates both (adaLN-Zero)."""

    def __init__(self, width: int, heads: int, backend: str) -> None:
        super().__init__()
        self.heads, self.backend = heads, backend
        self.modulation = zeroed(nn.Linear(width, 6 * width))
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor, told: Tensor, turn: Tensor) -> Tensor:
        """tokens (B, T, width), told (B, width), turn as `rotation` has it -> (B, T, width)."""
        a1, b1, gate1, a2, b2, gate2 = self.modulation(told)[:, None].chunk(6, dim=-1)
        tokens = tokens + gate1 * self.attend(normalise(tokens) * (1 + a1) + b1, turn)
        result: Tensor = tokens + gate2 * self.mlp(normalise(tokens) * (1 + a2) + b2)
        return result

    def attend(self, tokens: Tensor, turn: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        batch, count, width = tokens.shape
        split = self.qkv(tokens).reshape(batch, count, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (B, heads, T, channels of a head)
        mixed = i2sbkit.attention(rotated(q, turn), rotated(k, turn), v, self.backend)
        result: Tensor = self.mix(mixed.transpose(1, 2).reshape(batch, count, width))
        return result


def rotation(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """Angles (2, T, channels / 2), as cosines and sines: half of the pairs of channels turn by row, half by column."""
    quarter = channels // 4
    speed = SLOWEST ** -(torch.arange(quarter, device=like.device) / quarter)
    rows = torch.arange(height, device=like.device)[:, None, None] * speed
    columns = torch.arange(width, device=like.device)[None, :, None] * speed
    shape = (height, width, quarter)
    angle = torch.cat([rows.expand(shape), columns.expand(shape)], dim=-1).flatten(0, 1)
    return torch.stack([angle.cos(), angle.sin()]).to(like.dtype)


def rotated(x: Tensor, turn: Tensor) -> Tensor:
    """Pairs of channels of (B, heads, T, channels), turned in their plane."""
    left, right = x.chunk(2, dim=-1)
    cos, sin = turn
    return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)


def sinusoids(t: Tensor, dim: int) -> Tensor:
    """t (B,) -> (B, dim) float32: cosines and sines at frequencies from 1 down to 1e-4."""
    half = dim // 2
    angle = t.float()[:, None] * torch.exp(-math.log(1e4) / (half - 1) * torch.arange(half, device=t.device))
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def normalise(x: Tensor) -> Tensor:
    """LayerNorm over the channels of each token, without parameters: adaLN brings them."""
    return nn.functional.layer_norm(x, x.shape[-1:], eps=1e-6)


def zeroed(layer: nn.Linear) -> nn.Linear:
    """A layer that begins as 0."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
