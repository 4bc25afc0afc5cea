"""What the bridges of DDBM share: pinning, and the network's preconditioning (Zhou et al. 2024, arXiv 2309.16948)."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

import i2sbkit

MOST_STEPS = 100_000


@dataclass(frozen=True, kw_only=True)
class Ddbm(i2sbkit.BridgeSchedule):
    """A linear diffusion pinned at both ends, with x0h = c_skip x_n + c_out F(c_in x_n, c_noise) for the network F.

    The coefficients give input and label of F the variance 1 if x0 and x1 have the deviation `std` and the
    `correlation` (App. A.5). The label is (x0 - c_skip x_n) / c_out, whose mean square error is that of x0h with the
    paper's weight 1 / c_out^2: the loss needs no other.

    Args:
        std: deviation of a pixel, > 0.
        correlation: of x0 with x1, in [0, 1); the paper has 0.5, its code 0.
        steps: N, the number of nodes; 2 to 100,000.
    """

    std: float = 0.5
    correlation: float = 0.5
    steps: int = 1000

    def __post_init__(self) -> None:
        if not 2 <= self.steps <= MOST_STEPS:
            raise i2sbkit.Error(f"steps must be at least 2 and at most {MOST_STEPS}, got {self.steps}")
        if not 0 < self.std < float("inf"):
            raise i2sbkit.Error(f"std must be > 0, got {self.std}")
        if not 0 <= self.correlation < 1:
            raise i2sbkit.Error(f"correlation must be in [0, 1), got {self.correlation}")

    @cached_property
    def preconditioning(self) -> tuple[Tensor, Tensor, Tensor]:
        """c_skip, c_out, c_in, each (N,) float64."""
        t, variance = self.curves, self.std**2
        covariance = self.correlation * variance
        a, b, c = t.mean_x1, t.mean_x0, t.std
        total = variance * (a**2 + b**2) + 2 * a * b * covariance + c**2
        unknown = a**2 * (variance**2 - covariance**2) + variance * c**2
        return (b * variance + a * covariance) / total, (unknown / total).sqrt(), total.rsqrt()

    def label(self, x0: Tensor, x_n: Tensor, n: Tensor | int) -> Tensor:
        c_skip, c_out, _ = self.preconditioning
        return (x0 - i2sbkit.at_node(c_skip, n, x_n) * x_n) / i2sbkit.at_node(c_out, n, x_n)

    def predict_x0(self, x_n: Tensor, output: Tensor, n: Tensor | int) -> Tensor:
        c_skip, c_out, _ = self.preconditioning
        return i2sbkit.at_node(c_skip, n, x_n) * x_n + i2sbkit.at_node(c_out, n, x_n) * output

    def input_scale(self, n: Tensor | int) -> Tensor | float:
        c_in = self.preconditioning[2]
        return float(c_in[n]) if isinstance(n, int) else c_in[n.cpu()]


def pinned(alpha: Tensor, variance: Tensor, t: Tensor, earliest: float) -> i2sbkit.Tables:
    """The tables of x_t = alpha (x0 + rho z) pinned at x1 (Eq. 7); `variance` is rho^2.

    Args:
        earliest: what node 0, where t = 0, tells the network instead: c_noise = 250 ln t.
    """
    done = variance / variance[-1]
    return i2sbkit.Tables(
        mean_x0=alpha * (1 - done),
        mean_x1=alpha / alpha[-1] * done,
        std=alpha * (variance * (1 - done)).sqrt(),
        label_std=variance.sqrt(),
        time=250 * t.clamp(min=earliest).log(),
    )
