"""A bridge that is slow at both ends."""

from dataclasses import dataclass

import torch

import i2sbkit


@dataclass(frozen=True)
class Eased(i2sbkit.BridgeSchedule):
    """The Brownian bridge on another clock, u = sin^2(pi t / 2): x = (1 - u) x0 + u x1 + std sqrt(u (1 - u)) z.

    Args:
        std: standard deviation that the free motion reaches at the end, above 0; the noise peaks at half of it.
        steps: N, the number of nodes, from 2 to 100000.
    """

    std: float = 0.5
    steps: int = 1000

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise i2sbkit.Error(f"std must be above 0, got {self.std}")
        if not 2 <= self.steps <= 100_000:
            raise i2sbkit.Error(f"steps must be from 2 to 100000, got {self.steps}")

    def tables(self) -> i2sbkit.Tables:
        t = torch.linspace(0, 1, self.steps, dtype=torch.float64)
        u = (torch.pi / 2 * t).sin() ** 2
        noise = self.std * (u * (1 - u)).sqrt()
        return i2sbkit.Tables(mean_x0=1 - u, mean_x1=u, std=noise, label_std=self.std * u.sqrt(), time=1000 * t)


@i2sbkit.hookimpl
def schedules() -> dict[str, type]:
    return {"eased": Eased}
