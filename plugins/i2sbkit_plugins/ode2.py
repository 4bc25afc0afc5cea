"""A second-order multistep sampler for the OT-ODE of I2SB (Liu et al. 2023, Prop. 3.4).

In u = ln sigma^2 the ODE is dX/du = X - X0: linear but for the estimate X0. Where A + B is not 1, that holds of
X / (A + B) and u = ln B / (A + B); on plain diffusion, of X / A and u = ln C / A, which makes it DPM-Solver++(2M) (Lu
et al. 2022, arXiv 2211.01095, Algorithm 2). Between two nodes `ode` takes the estimate for constant; here it goes on
along the line through the last two estimates, at no further evaluation (the multistep form of an exponential
integrator; Hochbruck & Ostermann 2010, Sec. 2.5).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

import i2sbkit


@dataclass(frozen=True, kw_only=True)
class Ode2(i2sbkit.Sampler):
    """`ode` of second order: x_m = e^-h x_n + (1 - e^-h) x0h + (e^-h + h - 1) (x0h - x0h') / h'.

    h = u_n - u_m, and h' = u' - u_n to the node before, whose estimate is x0h'. First and last step are `ode`'s.

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
        x, before, h_before = limit.start(x1, rng), None, 0.0
        size: list[float] = (limit.tables.mean_x0 + limit.tables.mean_x1).tolist()
        for n, m in pairwise(bridge.nodes(self.nfe, self.spacing)):
            x0h, step = denoise(x, n), limit.posterior(n, m)
            x_m = limit.step(x, x0h, x1, n, m, rng)
            decay = step.xn * size[n] / size[m]
            h = -math.log(decay) if decay > 0 else math.inf
            if before is not None and m > 0:
                x_m += size[m] * (decay + h - 1) / h_before * (x0h - before)
            x, before, h_before = x_m, x0h, h
            yield i2sbkit.State(m, x, x0h)


@i2sbkit.hookimpl
def samplers() -> dict[str, type]:
    return {"ode2": Ode2}
