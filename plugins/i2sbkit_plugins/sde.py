"""The sampler of I2SB: ancestral sampling from the Markov posterior (Liu et al. 2023, Algorithm 2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

import i2sbkit


@dataclass(frozen=True, kw_only=True)
class Sde(i2sbkit.Sampler):
    """x_m ~ p(x_m | x_n, x0h), Eq. 4; the DDPM sampler of the bridge.

    Args:
        nfe: network evaluations, from 1 to N-1.
        spacing: of the nodes, see `Bridge.nodes`.
    """

    nfe: int
    spacing: i2sbkit.Spacing = "uniform"

    def __post_init__(self) -> None:
        if self.nfe < 1:
            raise i2sbkit.Error(f"nfe must be at least 1, got {self.nfe}")

    def sample(
        self, denoise: i2sbkit.Denoise, bridge: i2sbkit.Bridge, x1: Tensor, rng: i2sbkit.Rng
    ) -> Iterator[i2sbkit.State]:
        x = bridge.start(x1, rng)
        for n, m in pairwise(bridge.nodes(self.nfe, self.spacing)):
            x0h = denoise(x, n)
            x = bridge.step(x, x0h, x1, n, m, rng)
            yield i2sbkit.State(m, x, x0h)


@i2sbkit.hookimpl
def samplers() -> dict[str, type]:
    return {"sde": Sde}
