"""What samplers are tried on: a bridge that is pinned at both ends."""

from dataclasses import dataclass

import torch

from ..kernel.interfaces import BridgeSchedule, Tables


@dataclass(frozen=True)
class Pinned(BridgeSchedule):
    """The Brownian bridge, x_t = (1 - t) x0 + t x1 + std sqrt(t (1 - t)) z: pinned at both ends, exact everywhere."""

    std: float = 1.0
    steps: int = 1000

    def tables(self) -> Tables:
        t = torch.linspace(0, 1, self.steps, dtype=torch.float64)
        return Tables(1 - t, t, self.std * (t * (1 - t)).sqrt(), self.std * t.sqrt(), 1000 * t)
