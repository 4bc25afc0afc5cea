"""Rectified flow between x0 and x1 (Liu et al. 2023, arXiv 2209.03003): straight lines, no noise."""

from dataclasses import dataclass

import torch

import i2sbkit

MOST_STEPS = 100_000


@dataclass(frozen=True, kw_only=True)
class Flow(i2sbkit.BridgeSchedule):
    """x_t = (1 - t) x0 + t x1; the label is the velocity x1 - x0 = (x_t - x0) / t, the sampler `ode` is Euler's method.

    InDI (Delbracio & Milanfar 2023, arXiv 2303.11435) walks the same lines.

    Args:
        steps: N, the number of nodes; 2 to 100,000.
    """

    steps: int = 1000

    def __post_init__(self) -> None:
        if not 2 <= self.steps <= MOST_STEPS:
            raise i2sbkit.Error(f"steps must be at least 2 and at most {MOST_STEPS}, got {self.steps}")

    def tables(self) -> i2sbkit.Tables:
        t = torch.linspace(0, 1, self.steps, dtype=torch.float64)
        return i2sbkit.Tables(mean_x0=1 - t, mean_x1=t, std=torch.zeros_like(t), label_std=t, time=1000 * t)


@i2sbkit.hookimpl
def schedules() -> dict[str, type]:
    return {"flow": Flow}
