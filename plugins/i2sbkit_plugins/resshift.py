"""ResShift: a bridge that ends in a noisy copy of x1 (Yue et al. 2023, arXiv 2307.12348)."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

import i2sbkit

MOST_STEPS = 100_000
LAST = 0.99


@dataclass(frozen=True, kw_only=True)
class ResShift(i2sbkit.BridgeSchedule):
    """x_n = (1 - eta_n) x0 + eta_n x1 + kappa sqrt(eta_n) z (Eq. 2); sampling starts from x1 + kappa sqrt(eta_T) z.

    sqrt(eta) rises geometrically from min(0.04 / kappa, sqrt(0.001)) to sqrt(0.99), at places bent by `power` (Eq. 9);
    eta_0 = 0. The posterior is Eq. 7: the one of the tables. The label is x0 itself.

    Args:
        kappa: the noise at the end, > 0; the paper has 2, for latents. A pixel lies in [-1, 1].
        power: p of Eq. 10, > 0: more is denser at the clean end.
        steps: N = T + 1 nodes, 3 to 100,000; the paper has T = 15.
    """

    kappa: float = 2.0
    power: float = 0.3
    steps: int = 16

    def __post_init__(self) -> None:
        if not 3 <= self.steps <= MOST_STEPS:
            raise i2sbkit.Error(f"steps must be at least 3 and at most {MOST_STEPS}, got {self.steps}")
        if not 0 < self.kappa <= 1e3:
            raise i2sbkit.Error(f"kappa must be > 0 and at most 1000, got {self.kappa}")
        if not 0 < self.power <= 100:
            raise i2sbkit.Error(f"power must be > 0 and at most 100, got {self.power}")

    def tables(self) -> i2sbkit.Tables:
        first = min(0.04 / self.kappa, 0.001**0.5) ** 2
        place = torch.linspace(0, 1, self.steps - 1, dtype=torch.float64) ** self.power
        eta = torch.cat([torch.zeros(1, dtype=torch.float64), first * (LAST / first) ** place])
        return i2sbkit.Tables(
            mean_x0=1 - eta,
            mean_x1=eta,
            std=self.kappa * eta.sqrt(),
            label_std=self.kappa * eta.sqrt(),
            time=torch.linspace(0, 1000, self.steps, dtype=torch.float64),
        )

    @cached_property
    def scales(self) -> Tensor:
        """1 / sqrt(kappa^2 eta + 1) at each node (N,): what keeps the network's input of one size."""
        return (self.curves.std**2 + 1).rsqrt()

    def label(self, x0: Tensor, x_n: Tensor, n: Tensor | int) -> Tensor:
        return x0

    def predict_x0(self, x_n: Tensor, output: Tensor, n: Tensor | int) -> Tensor:
        return output

    def input_scale(self, n: Tensor | int) -> Tensor | float:
        return float(self.scales[n]) if isinstance(n, int) else self.scales[n.cpu()]

    def start(self, x1: Tensor, rng: i2sbkit.Rng) -> Tensor:
        return x1 + float(self.curves.std[-1]) * rng.normal_like(x1)


@i2sbkit.hookimpl
def schedules() -> dict[str, type]:
    return {"resshift": ResShift}
