"""Diffusion bridge implicit models (Zheng et al. 2025, arXiv 2405.15885, Eq. 11, 15, 18), order 1.

The same update is I3SB (Wang et al. 2024, arXiv 2403.06069, Eq. 7-13) on I2SB's bridge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor

import i2sbkit


@dataclass(frozen=True, kw_only=True)
class Dbim(i2sbkit.Sampler):
    """Steps that keep every marginal of the bridge with less fresh noise than the Markov posterior draws.

    The first step starts from x1, which holds no noise yet: it draws all the noise of its node (the booting noise),
    and that noise is then the latent of the picture.

    Args:
        nfe: network evaluations, from 1 to N-1.
        eta: share of the Markov posterior's noise, in [0, 1]; 1 is `sde`, 0 draws noise at the first step only.
        order: of the update in x0h; 1.
    """

    nfe: int
    eta: float = 0.0
    order: Literal[1] = 1

    def __post_init__(self) -> None:
        if self.nfe < 1:
            raise i2sbkit.Error(f"nfe must be at least 1, got {self.nfe}")
        if not 0 <= self.eta <= 1:
            raise i2sbkit.Error(f"eta must be in [0, 1], got {self.eta}")
        if self.order != 1:
            raise i2sbkit.Error(f"order must be 1, got {self.order}")

    def sample(
        self, denoise: i2sbkit.Denoise, bridge: i2sbkit.Bridge, x1: Tensor, rng: i2sbkit.Rng
    ) -> Iterator[i2sbkit.State]:
        x = bridge.start(x1, rng)
        for n, m in pairwise(bridge.nodes(self.nfe)):
            x0h = denoise(x, n)
            x = bridge.step(x, x0h, x1, n, m, rng, eta=self.eta, boot=x is x1)
            yield i2sbkit.State(m, x, x0h)


@i2sbkit.hookimpl
def samplers() -> dict[str, type]:
    return {"dbim": Dbim}
