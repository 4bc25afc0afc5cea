"""Diffusion bridge implicit models (Zheng et al. 2025, arXiv 2405.15885), orders 1 to 3.

Order 1 is I3SB (Wang et al. 2024, arXiv 2403.06069, Eq. 7-13) on I2SB's bridge: one sampler, two names.
"""

import math
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
        order: 1 takes the estimate for constant over a step (Eq. 11); 2 and 3 carry it on from the estimates before
            (Eq. 18 and App. C), for eta = 0. The first and the last step are of order 1.
        spacing: of the nodes, see `Bridge.nodes`.
    """

    nfe: int
    eta: float = 0.0
    order: Literal[1, 2, 3] = 1
    spacing: i2sbkit.Spacing = "uniform"

    def __post_init__(self) -> None:
        if self.nfe < 1:
            raise i2sbkit.Error(f"nfe must be at least 1, got {self.nfe}")
        if not 0 <= self.eta <= 1:
            raise i2sbkit.Error(f"eta must be in [0, 1], got {self.eta}")
        if self.order not in (1, 2, 3):
            raise i2sbkit.Error(f"order must be 1, 2 or 3, got {self.order}")
        if self.order > 1 and self.eta > 0:
            raise i2sbkit.Error(f"order {self.order} is for eta = 0, got eta = {self.eta}; take order 1 or eta 0")

    def sample(
        self, denoise: i2sbkit.Denoise, bridge: i2sbkit.Bridge, x1: Tensor, rng: i2sbkit.Rng
    ) -> Iterator[i2sbkit.State]:
        x, before = bridge.start(x1, rng), list[tuple[float, Tensor]]()
        for n, m in pairwise(bridge.nodes(self.nfe, self.spacing)):
            x0h, log_snr = denoise(x, n), float(bridge.log_snr[n])
            x_m = bridge.step(x, x0h, x1, n, m, rng, eta=self.eta, boot=x is x1)
            if before and m > 0:
                h = float(bridge.log_snr[m]) - log_snr
                x_m += float(bridge.tables.mean_x0[m]) * carried_on(x0h, log_snr, before, h)
            before = [(log_snr, x0h), *before][: self.order - 1]
            x = x_m
            yield i2sbkit.State(m, x, x0h)


def carried_on(x0h: Tensor, log_snr: float, before: list[tuple[float, Tensor]], h: float) -> Tensor | float:
    """What the estimate's change over a step of h in lambda = log_snr adds to A_m (1 - e^-h) x0h, in units of A_m.

    Args:
        before: lambda and estimate of the last one or two nodes, the nearer first. One without a finite lambda, as at
            the noisy end of an exact bridge, is infinitely far and says nothing. On the authors' tables lambda is -2.6
            there, and the estimate at x1 counts, as in DBIM's own code.
    """
    known = [(log_snr - u, estimate) for u, estimate in before if math.isfinite(u)]
    if not known or not math.isfinite(h):
        return 0.0
    (h1, one), decay = known[0], math.exp(-h)
    slope = (x0h - one) / h1
    if len(known) == 1:
        return (decay + h - 1) * slope
    h2, slope_before = known[1][0] - h1, (one - known[1][1]) / (known[1][0] - h1)
    first = slope + h1 / (h1 + h2) * (slope - slope_before)
    second = 2 / (h1 + h2) * (slope - slope_before)
    return (decay + h - 1) * first + (h * h / 2 - h + 1 - decay) * second


@i2sbkit.hookimpl
def samplers() -> dict[str, type]:
    return {"dbim": Dbim, "i3sb": Dbim}
