"""A sampler that draws fresh noise while much is unknown, and none towards the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

import i2sbkit


@dataclass(frozen=True)
class Settle(i2sbkit.Sampler):
    """I2SB's own steps at first, then those of DBIM (Zheng et al. 2025) with eta = 0, which keep what noise is there.

    Args:
        nfe: network evaluations, from 1 to N-1.
        share: of the nodes, in [0, 1], from the clean end on, without fresh noise.
    """

    nfe: int
    share: float = 0.5

    def __post_init__(self) -> None:
        if self.nfe < 1:
            raise i2sbkit.Error(f"nfe must be at least 1, got {self.nfe}")
        if not 0 <= self.share <= 1:
            raise i2sbkit.Error(f"share must be in [0, 1], got {self.share}")

    def sample(
        self, denoise: i2sbkit.Denoise, bridge: i2sbkit.Bridge, x1: Tensor, rng: i2sbkit.Rng
    ) -> Iterator[i2sbkit.State]:
        x = bridge.start(x1, rng)
        for n, m in pairwise(bridge.nodes(self.nfe)):
            x0h = denoise(x, n)
            eta = 1.0 if n > self.share * len(bridge) else 0.0
            x = bridge.step(x, x0h, x1, n, m, rng, eta=eta, boot=x is x1)
            yield i2sbkit.State(m, x, x0h)


@i2sbkit.hookimpl
def samplers() -> dict[str, type]:
    return {"settle": Settle}
