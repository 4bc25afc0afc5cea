"""The bridge schedule of I2SB (Liu et al. 2023, Sec. 5.1 and Fig. 6), with the tables of the authors' code."""

from dataclasses import dataclass

import torch

import i2sbkit

MOST_STEPS, MOST_BETA = 100_000, 1e6


@dataclass(frozen=True, kw_only=True)
class I2sb(i2sbkit.BridgeSchedule):
    """A diffusion that is slow at both ends: sqrt(beta) rises linearly to the middle and falls again.

    beta_n counts in both sums, sigma_n^2 = sum_{i<=n} beta_i and sbar_n^2 = sum_{i>=n} beta_i, as in the authors'
    tables, which their networks were trained on: the ends are then 7e-4 from exact, and `posterior` is their own.

    Args:
        beta_max: the largest beta times the number of steps, > 0 and < 1e6; the paper has 0.3 (JPEG, super-resolution)
            and 1.0 (blur and inpainting, as OT-ODE).
        beta_min: the smallest, likewise.
        steps: N, the number of nodes; even, 2 to 100,000.
    """

    beta_max: float
    beta_min: float = 1e-4
    steps: int = 1000

    def __post_init__(self) -> None:
        if not 2 <= self.steps <= MOST_STEPS or self.steps % 2:
            raise i2sbkit.Error(f"steps must be an even number, at least 2 and at most {MOST_STEPS}, got {self.steps}")
        if not (0 < self.beta_min < MOST_BETA and 0 < self.beta_max < MOST_BETA):
            raise i2sbkit.Error(
                f"beta_min and beta_max must be > 0 and below {MOST_BETA:g}, got {self.beta_min} and {self.beta_max}"
            )

    def tables(self) -> i2sbkit.Tables:
        sqrt_beta = torch.linspace(
            self.beta_min**0.5, (self.beta_max / self.steps) ** 0.5, self.steps, dtype=torch.float64
        )
        rising = sqrt_beta[: self.steps // 2] ** 2
        betas = torch.cat([rising, rising.flip(0)])
        ahead = betas.cumsum(0)  # sigma_n^2
        behind = betas.flip(0).cumsum(0).flip(0)  # sbar_n^2
        total = ahead + behind  # S + beta_n
        return i2sbkit.Tables(
            mean_x0=behind / total,  # Eq. 11
            mean_x1=ahead / total,
            std=(ahead * behind / total).sqrt(),
            label_std=ahead.sqrt(),
            time=torch.linspace(1e-4, 1, self.steps, dtype=torch.float64) * self.steps,
        )

    def posterior(self, n: int, m: int) -> i2sbkit.Step:
        """Eq. 4 in forward variances alone: the generic posterior would be off by up to 7e-4 on these tables."""
        sigma = self.curves.label_std
        r = float(sigma[m] ** 2 / sigma[n] ** 2)
        return i2sbkit.Step(x0=1 - r, xn=r, x1=0.0, std=float(sigma[m]) * (1 - r) ** 0.5)


@i2sbkit.hookimpl
def schedules() -> dict[str, type]:
    return {"i2sb": I2sb}
