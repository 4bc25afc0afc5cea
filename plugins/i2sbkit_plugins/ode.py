"""The deterministic sampler of I2SB: the optimal-transport ODE (Liu et al. 2023, Prop. 3.4, Eq. 13)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

import i2sbkit


@dataclass(frozen=True, kw_only=True)
class Ode(i2sbkit.Sampler):
    """The mean of the Markov posterior: the bridge in the limit C = 0, each step exact for a constant x0h.

    On plain diffusion, which starts from noise, it is DDIM.

    Args:
        nfe: network evaluations, from 1 to N-1.
        spacing: of the nodes, see `Bridge.nodes`.
    """

    nfe: int
    spacing: i2sbkit.Spacing = "uniform"
    stochastic = False

    def __post_init__(self) -> None:
        if self.nfe < 1:
            raise i2sbkit.Error(f"nfe must be at least 1, got {self.nfe}")

    def sample(
        self, denoise: i2sbkit.Denoise, bridge: i2sbkit.Bridge, x1: Tensor, rng: i2sbkit.Rng
    ) -> Iterator[i2sbkit.State]:
        limit = i2sbkit.Bridge(bridge.schedule, ot_ode=True)
        x = limit.start(x1, rng)
        for n, m in pairwise(bridge.nodes(self.nfe, self.spacing)):
            x0h = denoise(x, n)
            x = limit.step(x, x0h, x1, n, m, rng)
            yield i2sbkit.State(m, x, x0h)


@i2sbkit.hookimpl
def samplers() -> dict[str, type]:
    return {"ode": Ode}
