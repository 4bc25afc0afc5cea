"""The blocks of ADM (Dhariwal & Nichol 2021, arXiv:2105.05233, Sec. 3 and App. A): `adm` puts them together.

Attribute names and the order of layers are those of the authors' checkpoints. Images are (B, C, H, W) and may be
channels_last, which every block keeps; then the permutes of attention cost nothing.
"""

from __future__ import annotations

import math
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from i2sbkit import attention

GROUPS = 32
"""Groups of every GroupNorm."""
Layer = TypeVar("Layer", bound=nn.Module)


class Norm(nn.GroupNorm):
    """GroupNorm over 32 groups, in float32 whatever comes in."""

    def __init__(self, channels: int) -> None:
        super().__init__(GROUPS, channels)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, ...) -> the same shape and dtype."""
        wide = x if x.dtype == torch.float64 else x.float()
        return super().forward(wide).to(x.dtype)


class Block(nn.Module):
    """What a stage is made of; told of the time or not, kept for the backward pass or computed again."""

    def __init__(self, again: bool) -> None:
        super().__init__()
        self.again = again

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """x (B, C, H, W), told (B, time_dim) -> (B, C', H', W')."""
        if self.again and torch.is_grad_enabled():
            result: Tensor = checkpoint(self.compute, x, told, use_reentrant=False)
            return result
        return self.compute(x, told)

    def compute(self, x: Tensor, told: Tensor) -> Tensor:
        """`forward`, without asking what to keep."""
        raise NotImplementedError


class Residual(Block):
    """The residual block: between two convolutions the time scales and shifts; it may halve or double the size.

    Args:
        time_dim: channels of what it is told of the time.
        resize: "down" averages 2x2 pixels, "up" repeats each; in both branches, before the first convolution.
        again: compute it again for the backward pass in place of keeping what is inside.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        time_dim: int,
        dropout: float,
        resize: Literal["down", "up"] | None = None,
        again: bool = False,
    ) -> None:
        super().__init__(again)
        self.resize = resize
        self.in_layers = nn.Sequential(Norm(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, 2 * outputs))
        last = zeroed(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.out_layers = nn.Sequential(Norm(outputs), nn.SiLU(), nn.Dropout(dropout), last)
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def compute(self, x: Tensor, told: Tensor) -> Tensor:
        norm, activate, convolve = self.in_layers
        h = convolve(self._resized(activate(norm(x))))
        scale, shift = self.emb_layers(told).to(h.dtype)[:, :, None, None].chunk(2, dim=1)
        norm, *rest = self.out_layers
        h = norm(h) * (1 + scale) + shift
        for layer in rest:
            h = layer(h)
        skipped: Tensor = self._resized(x)
        if isinstance(self.skip_connection, nn.Conv2d):
            skipped = pointwise(self.skip_connection, skipped.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        result: Tensor = skipped + h
        return result

    def _resized(self, x: Tensor) -> Tensor:
        if self.resize == "down":
            return F.avg_pool2d(x, 2)
        return F.interpolate(x, scale_factor=2.0, mode="nearest") if self.resize == "up" else x


class Attention(Block):
    """Self-attention over all pixels, added to its input.

    Args:
        head_channels: channels of a head; fewer `channels` than that are one head.
        backend: see `i2sbkit.attention`.
        again: as in `Residual`.
    """

    def __init__(self, channels: int, head_channels: int, backend: str, again: bool = False) -> None:
        super().__init__(again)
        self.heads = max(1, channels // head_channels)
        self.backend = backend
        self.norm = Norm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, 1))

    def compute(self, x: Tensor, told: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        tokens = self.norm(x).permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        # heads first, then q, k and v of each
        qkv = pointwise(self.qkv, tokens).reshape(batch, height * width, self.heads, 3, channels // self.heads)
        q, k, v = (part.transpose(1, 2) for part in qkv.unbind(3))  # (B, heads, tokens, channels of a head)
        mixed = attention(q, k, v, self.backend).transpose(1, 2).reshape(batch, height * width, channels)
        added = pointwise(self.proj_out, mixed).reshape(batch, height, width, channels)
        return x + added.permute(0, 3, 1, 2)


class Stage(nn.Sequential):
    """Blocks one after another, all told of the time; anything else in it works on the image alone."""

    def forward(self, x: Tensor, told: Tensor) -> Tensor:  # type: ignore[override]
        """x (B, C, H, W), told (B, time_dim) -> (B, C', H', W')."""
        for layer in self:
            x = layer(x, told) if isinstance(layer, Block) else layer(x)
        return x


def pointwise(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution of kernel size 1 on (B, ..., C): on this layout it is a linear map, and moves nothing."""
    return F.linear(x, layer.weight.flatten(1), layer.bias)


def sinusoids(t: Tensor, dim: int) -> Tensor:
    """t (B,) -> (B, dim) float32, dim even: cosines, then sines, of t at frequencies from 1 to nearly 1e-4."""
    half = dim // 2
    frequency = torch.exp(-math.log(1e4) / half * torch.arange(half, dtype=torch.float32, device=t.device))
    angle = t.float()[:, None] * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def zeroed(layer: Layer) -> Layer:
    """The layer with all its parameters 0, so that its block begins as the identity."""
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 0.0)
    return layer
