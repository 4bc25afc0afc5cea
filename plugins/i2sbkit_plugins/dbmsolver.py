"""DBMSolver (arXiv 2605.05889): a single-step solver of second order for diffusion bridges.

On a bridge pinned at x1, with rho^2 the variance of the free diffusion over alpha^2, y = sqrt(rho_T^2 / rho^2 - 1) and
lambda = -ln rho, the deterministic walk is x_m = C_m / C_n x_n + ... + A_m / y_m int x0h dy. Between two evaluations
x0h is taken for linear in lambda.

A, B and C do not tell rho: diffusions of every alpha_T have the same bridge once pinned. They tell y up to a factor,
y = rho_T A / C, and with it lambda = ln(1 + y^2) / 2 - ln rho_T; rho_T is what the schedule has for `label_std` at node
N-1. Any other factor would be a solver of second order too, with its middles elsewhere. On an OT-ODE y goes as A / B.

What starts from noise or a noisy copy of x1 is not pinned: there y = A / C and lambda = ln y, and the solver is
DPM-Solver++(2S) (Lu et al. 2022, arXiv 2211.01095, Algorithm 1).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from torch import Tensor

import i2sbkit


@dataclass(frozen=True, kw_only=True)
class DbmSolver(i2sbkit.Sampler):
    """Noise at the first step only, then steps of two evaluations each: at their beginning and at half their lambda.

    The first step and the last one have one evaluation, so an odd nfe leaves one unused. Where the walk does not start
    from x1 itself only the last one has one, and an even nfe leaves one unused.

    Args:
        nfe: network evaluations, from 1 to N-1.
        order: 1 is `dbim` with eta = 0, a step an evaluation.
        spacing: of the nodes, see `Bridge.nodes`.
    """

    eta: ClassVar[float] = 0.0
    nfe: int
    order: Literal[1, 2] = 2
    spacing: i2sbkit.Spacing = "uniform"

    def __post_init__(self) -> None:
        if self.nfe < 1:
            raise i2sbkit.Error(f"nfe must be at least 1, got {self.nfe}")
        if self.order not in (1, 2):
            raise i2sbkit.Error(f"order must be 1 or 2, got {self.order}")

    def sample(
        self, denoise: i2sbkit.Denoise, bridge: i2sbkit.Bridge, x1: Tensor, rng: i2sbkit.Rng
    ) -> Iterator[i2sbkit.State]:
        x = bridge.start(x1, rng)
        pinned = x is x1
        steps = (self.nfe + 1 + pinned) // 2 if self.order == 2 and self.nfe > 1 else self.nfe
        places = _places(bridge, pinned)
        for n, m in pairwise(bridge.nodes(steps, self.spacing)):
            x0h = denoise(x, n)
            x_m = bridge.step(x, x0h, x1, n, m, rng, eta=0.0, boot=x is x1)
            middle = _middle(places, n, m)
            if self.order == 2 and x is not x1 and m > 0 and n > middle > m:
                x_middle = bridge.step(x, x0h, x1, n, middle, rng, eta=0.0)
                weight = _weight(bridge, places, pinned, n, middle, m)
                x_m += weight * (denoise(x_middle, middle) - x0h)
            x = x_m
            yield i2sbkit.State(m, x, x0h)


def _places(bridge: i2sbkit.Bridge, pinned: bool) -> Tensor:
    """lambda at each node (N,), rising from the degraded end to the clean one."""
    return 0.5 * _y(bridge).square().log1p() if pinned else bridge.log_snr


def _y(bridge: i2sbkit.Bridge) -> Tensor:
    """y of a pinned bridge at each node (N,)."""
    return bridge.tables.label_std[-1] * bridge.log_snr.exp()


def _middle(places: Tensor, n: int, m: int) -> int:
    """The node whose lambda is nearest to half way from n to m."""
    inside = places[m : n + 1]
    return m + int((inside - (inside[0] + inside[-1]) / 2).abs().argmin())


def _weight(bridge: i2sbkit.Bridge, places: Tensor, pinned: bool, n: int, middle: int, m: int) -> float:
    """A_m K / (lambda_middle - lambda_n): what a change of x0h until the middle adds over the whole step."""
    h = float(places[m] - places[n])
    if pinned:
        y = _y(bridge)
        y_n, y_m = float(y[n]), float(y[m])
        k = (math.atan(y_m) - math.atan(y_n)) / y_m + h - 1 + y_n / y_m
    else:
        k = math.exp(-h) + h - 1
    return float(bridge.tables.mean_x0[m] * k) / float(places[middle] - places[n])


@i2sbkit.hookimpl
def samplers() -> dict[str, type]:
    return {"dbmsolver": DbmSolver}
