"""A network of a few convolutions."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

import i2sbkit


@dataclass(frozen=True)
class Plain(i2sbkit.Backbone):
    """Convolutions, one after another, that see the time as one more channel; it begins as the zero function.

    Args:
        width: channels between the convolutions, at least 1.
        depth: convolutions of 3x3 pixels, at least 2.
    """

    width: int = 32
    depth: int = 3

    def __post_init__(self) -> None:
        if self.width < 1 or self.depth < 2:
            raise i2sbkit.Error(f"width must be at least 1 and depth at least 2, got {self.width} and {self.depth}")

    @property
    def receptive_field(self) -> int:  # type: ignore[override]
        """A pixel for each convolution: pictures of any size are restored in tiles."""
        return self.depth

    def build(self, in_channels: int, out_channels: int) -> nn.Module:
        return PlainNet(in_channels, self.width, self.depth, out_channels)


class PlainNet(nn.Module):
    """The network."""

    def __init__(self, in_channels: int, width: int, depth: int, out_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(in_channels + 1, width, 3, padding=1), nn.SiLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.SiLU()]
        last = nn.Conv2d(width, out_channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x (B, in, H, W), t (B,) from 0 to 1000 -> (B, out, H, W)."""
        time = (t / 1000).reshape(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
        output: Tensor = self.layers(torch.cat([x, time], dim=1))
        return output


@i2sbkit.hookimpl
def backbones() -> dict[str, type]:
    return {"plain": Plain}
