"""The Brownian bridge: I2SB with a constant beta, on exact tables."""

from dataclasses import dataclass

import torch

import i2sbkit

MOST_STEPS = 100_000


@dataclass(frozen=True, kw_only=True)
class Brownian(i2sbkit.BridgeSchedule):
    """x_t = (1 - t) x0 + t x1 + std sqrt(t (1 - t)) z: pinned at both ends, every identity of the bridge holds exactly.

    The label is I2SB's, (x_t - x0) / (std sqrt(t)) (Liu et al. 2023, Eq. 12).

    Args:
        std: the standard deviation the free Brownian motion reaches at t = 1, > 0; the noise peaks at std / 2.
        steps: N, the number of nodes; 2 to 100,000.
    """

    std: float = 1.0
    steps: int = 1000

    def __post_init__(self) -> None:
        if not 2 <= self.steps <= MOST_STEPS:
            raise i2sbkit.Error(f"steps must be at least 2 and at most {MOST_STEPS}, got {self.steps}")
        if not self.std > 0:
            raise i2sbkit.Error(f"std must be > 0, got {self.std}")

    def tables(self) -> i2sbkit.Tables:
        t = torch.linspace(0, 1, self.steps, dtype=torch.float64)
        return i2sbkit.Tables(
            mean_x0=1 - t,
            mean_x1=t,
            std=self.std * (t * (1 - t)).sqrt(),
            label_std=self.std * t.sqrt(),
            time=1000 * t,
        )


@i2sbkit.hookimpl
def schedules() -> dict[str, type]:
    return {"brownian": Brownian}
