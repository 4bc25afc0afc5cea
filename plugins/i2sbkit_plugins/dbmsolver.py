"""DBMSolver (arXiv 2605.05889): a single-step solver of second order for diffusion bridges.

With y = sqrt(A / B), and lambda = ln((A + B) / B) / 2, which is -ln rho + constant on a variance-exploding bridge,
the deterministic walk is x_m = C_m / C_n x_n + ... + A_m / y_m int x0h dy. Between two evaluations x0h is taken for
linear in lambda.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor

import i2sbkit


@dataclass(frozen=True, kw_only=True)
class DbmSolver(i2sbkit.Sampler):
    """Noise at the first step only, then steps of two evaluations each: at their beginning and at half their lambda.

    The first step and the last one have one evaluation, so an odd nfe leaves one unused.

    Args:
        nfe: network evaluations, from 1 to N-1.
        order: 1 is `dbim` with eta = 0, a step an evaluation.
        spacing: of the nodes, see `Bridge.nodes`.
    """

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
        steps = self.nfe // 2 + 1 if self.order == 2 and self.nfe > 1 else self.nfe
        x = bridge.start(x1, rng)
        for n, m in pairwise(bridge.nodes(steps, self.spacing)):
            x0h = denoise(x, n)
            x_m = bridge.step(x, x0h, x1, n, m, rng, eta=0.0, boot=x is x1)
            middle = _middle(bridge, n, m)
            if self.order == 2 and x is not x1 and m > 0 and n > middle > m:
                x_middle = bridge.step(x, x0h, x1, n, middle, rng, eta=0.0)
                x_m += _weight(bridge, n, middle, m) * (denoise(x_middle, middle) - x0h)
            x = x_m
            yield i2sbkit.State(m, x, x0h)


def _half_log(bridge: i2sbkit.Bridge) -> Tensor:
    """lambda at each node (N,), rising from the degraded end to the clean one."""
    t = bridge.tables
    return 0.5 * ((t.mean_x0 + t.mean_x1) / t.mean_x1).log()


def _middle(bridge: i2sbkit.Bridge, n: int, m: int) -> int:
    """The node whose lambda is nearest to half way from n to m."""
    inside = _half_log(bridge)[m : n + 1]
    return m + int((inside - (inside[0] + inside[-1]) / 2).abs().argmin())


def _weight(bridge: i2sbkit.Bridge, n: int, middle: int, m: int) -> float:
    """A_m K / (lambda_middle - lambda_n): what a change of x0h until the middle adds over the whole step."""
    t = bridge.tables
    half_log: list[float] = _half_log(bridge).tolist()
    y_n, y_m = (float((t.mean_x0[k] / t.mean_x1[k]) ** 0.5) for k in (n, m))
    k = (math.atan(y_m) - math.atan(y_n)) / y_m + (half_log[m] - half_log[n] - 1) + y_n / y_m
    return float(t.mean_x0[m] * k) / (half_log[middle] - half_log[n])


@i2sbkit.hookimpl
def samplers() -> dict[str, type]:
    return {"dbmsolver": DbmSolver}
