"""The paper's network: ADM's U-Net (Dhariwal & Nichol 2021, arXiv:2105.05233), unconditional, as I2SB trains it.

Residual blocks with scale-shift norm, which also do the down- and upsampling, and self-attention at some sizes. The
defaults are the 256x256 network: 552,807,171 parameters, named, shaped and ordered as in the authors' checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

import i2sbkit

from .adm_blocks import GROUPS, Attention, Block, Norm, Residual, Stage, sinusoids, zeroed


@dataclass(frozen=True)
class Adm(i2sbkit.Backbone):
    """A U-shaped network of residual blocks with self-attention; every level below the first halves the size.

    Attributes:
        image_size: side of the training pictures in pixels; only attention_resolutions refers to it, the network takes
            any multiple of multiple_of.
        model_channels: what channel_mult multiplies; a multiple of 32.
        channel_mult: channels of each level, full size first, in units of model_channels.
        num_res_blocks: residual blocks of a level on the way down; there is one more on the way up.
        attention_resolutions: sizes, in pixels a side, of the levels with attention; the bottom always has it.
        num_head_channels: channels of a head of attention; a level with fewer has one head.
        dropout: share of activations set to 0 in training.
        attention: "auto" and "sdpa" are torch's own, "xformers" its memory_efficient_attention: the same mathematics.
        checkpoint_activations: train in less memory and more time, keeping a block's input alone and computing it
            again on the way back; the gradients are the same.

    Raises:
        i2sbkit.Error: an option is out of range, or does not fit the others.
    """

    image_size: int = 256
    model_channels: int = 256
    channel_mult: tuple[int, ...] = (1, 1, 2, 2, 4, 4)
    num_res_blocks: int = 2
    attention_resolutions: tuple[int, ...] = (32, 16, 8)
    num_head_channels: int = 64
    dropout: float = 0.0
    attention: Literal["auto", "sdpa", "xformers"] = "auto"
    checkpoint_activations: bool = False

    def __post_init__(self) -> None:
        self._check_numbers()
        if self.image_size < 1 or self.image_size % self.multiple_of:
            raise i2sbkit.Error(
                f"image_size is {self.image_size}; with {len(self.channel_mult)} levels in channel_mult it must be a "
                f"multiple of {self.multiple_of}"
            )
        sizes = [self.image_size >> level for level in range(len(self.channel_mult))]
        for size in self.attention_resolutions:
            if size not in sizes:
                listed = ", ".join(map(str, sizes))
                raise i2sbkit.Error(f"attention_resolutions has {size}; the levels of this network are {listed}")
        for level in {*self.attention_levels, len(self.channel_mult) - 1}:
            channels = self.channel_mult[level] * self.model_channels
            if channels % min(self.num_head_channels, channels):
                raise i2sbkit.Error(
                    f"num_head_channels is {self.num_head_channels}, which does not divide the {channels} channels at "
                    f"size {sizes[level]}; take a divisor, such as {GROUPS}"
                )

    def _check_numbers(self) -> None:
        """See that each option makes sense by itself."""
        if self.model_channels < 1 or self.model_channels % GROUPS:
            raise i2sbkit.Error(f"model_channels is {self.model_channels}; set it to a multiple of {GROUPS}")
        if not self.channel_mult or min(self.channel_mult) < 1:
            raise i2sbkit.Error("channel_mult must hold whole numbers from 1, one a level, such as [1, 1, 2, 2, 4, 4]")
        for name in ("num_res_blocks", "num_head_channels"):
            if getattr(self, name) < 1:
                raise i2sbkit.Error(f"{name} is {getattr(self, name)}; set it to 1 or more")
        if not 0 <= self.dropout < 1:
            raise i2sbkit.Error(f"dropout is {self.dropout}; set it to 0 or more and less than 1")
        if self.attention not in ("auto", "sdpa", "xformers"):
            raise i2sbkit.Error(f'attention is {self.attention!r}; it can be "auto", "sdpa" or "xformers"')

    @property
    def attention_levels(self) -> list[int]:
        """The levels with attention, 0 being the full size."""
        return [n for n in range(len(self.channel_mult)) if self.image_size >> n in self.attention_resolutions]

    @property
    def multiple_of(self) -> int:  # type: ignore[override]
        """The size is halved once for each level but the first."""
        return 1 << max(0, len(self.channel_mult) - 1)

    @property
    def min_size(self) -> int:  # type: ignore[override]
        """One pixel at the bottom."""
        return self.multiple_of

    def build(self, in_channels: int, out_channels: int) -> nn.Module:
        """A network (B, in_channels, H, W), t (B,) -> (B, out_channels, H, W); it starts as the zero function."""
        return AdmNet(self, in_channels, out_channels)

    def check_device(self, device: torch.device) -> None:
        """See `i2sbkit.Backbone.check_device`: whether `attention` runs there."""
        i2sbkit.check_attention(self.attention, device)


@i2sbkit.hookimpl
def backbones() -> dict[str, type]:
    return {"adm": Adm}


class AdmNet(nn.Module):
    """The network of `Adm`. Fastest in channels_last, which it keeps."""

    def __init__(self, options: Adm, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.options = options
        base, time_dim = options.model_channels, 4 * options.model_channels
        self.time_embed = nn.Sequential(nn.Linear(base, time_dim), nn.SiLU(), nn.Linear(time_dim, time_dim))
        first = options.channel_mult[0] * base
        self.input_blocks, widths = self._way_down(nn.Conv2d(in_channels, first, 3, padding=1))
        middle = widths[-1]
        self.middle_block = Stage(
            self._residual(middle, middle), self._attention(middle), self._residual(middle, middle)
        )
        self.output_blocks = self._way_up(widths)
        self.out = nn.Sequential(Norm(first), nn.SiLU(), zeroed(nn.Conv2d(first, out_channels, 3, padding=1)))

    def _way_down(self, first: nn.Conv2d) -> tuple[nn.ModuleList, list[int]]:
        """The stages from the full size to the bottom, and the channels that each gives."""
        options = self.options
        stages, widths = [Stage(first)], [first.out_channels]
        for level, multiple in enumerate(options.channel_mult):
            for _ in range(options.num_res_blocks):
                layers: list[Block] = [self._residual(widths[-1], multiple * options.model_channels)]
                widths.append(multiple * options.model_channels)
                if level in options.attention_levels:
                    layers.append(self._attention(widths[-1]))
                stages.append(Stage(*layers))
            if level + 1 < len(options.channel_mult):
                stages.append(Stage(self._residual(widths[-1], widths[-1], "down")))
                widths.append(widths[-1])
        return nn.ModuleList(stages), widths

    def _way_up(self, widths: list[int]) -> nn.ModuleList:
        """The stages back to the full size; each also sees what one of the way down gave, the last one first."""
        options, stages, skips = self.options, [], list(widths)
        channels = skips[-1]
        for level, multiple in reversed(list(enumerate(options.channel_mult))):
            for number in range(options.num_res_blocks + 1):
                layers: list[Block] = [self._residual(channels + skips.pop(), multiple * options.model_channels)]
                channels = multiple * options.model_channels
                if level in options.attention_levels:
                    layers.append(self._attention(channels))
                if level and number == options.num_res_blocks:
                    layers.append(self._residual(channels, channels, "up"))
                stages.append(Stage(*layers))
        return nn.ModuleList(stages)

    def _residual(self, inputs: int, outputs: int, resize: Literal["down", "up"] | None = None) -> Residual:
        options = self.options
        return Residual(
            inputs, outputs, 4 * options.model_channels, options.dropout, resize, options.checkpoint_activations
        )

    def _attention(self, channels: int) -> Attention:
        options = self.options
        return Attention(channels, options.num_head_channels, options.attention, options.checkpoint_activations)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x (B, in_channels, H, W), t (B,) -> (B, out_channels, H, W), H and W multiples of `multiple_of`."""
        dtype = next(self.parameters()).dtype
        told = self.time_embed(sinusoids(t, self.options.model_channels).to(dtype))
        kept = []
        for stage in self.input_blocks:
            x = stage(x, told)
            kept.append(x)
        x = self.middle_block(x, told)
        for stage in self.output_blocks:
            x = stage(torch.cat([x, kept.pop()], dim=1), told)
        result: Tensor = self.out(x)
        return result
