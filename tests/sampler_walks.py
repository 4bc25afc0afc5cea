"""What the tests of samplers share: schedules, a denoiser that counts, and walking."""

import pytest
import torch
from torch import Tensor

from i2sbkit import Bridge, Rng, Sampler, State
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.i2sb import I2sb

SCHEDULES = [I2sb(beta_max=0.3, steps=20), I2sb(beta_max=1.0), Brownian(std=0.5, steps=20)]
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES)


class Counting:
    """A denoiser that any pixel goes through alone, and that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Tensor, int]] = []

    def __call__(self, x_n: Tensor, n: int) -> Tensor:
        self.asked.append((x_n, n))
        return 0.5 * x_n - 0.25 * x_n * x_n + 0.01 * n


def walk(sampler: Sampler, bridge: Bridge, x1: Tensor, rng: Rng | None = None, denoise=None) -> list[State]:
    return list(sampler.sample(denoise or Counting(), bridge, x1, rng or Rng(range(len(x1)))))


def same(first: list[State], second: list[State]) -> bool:
    """Equal to the bit, state by state."""
    return all(
        a.n == b.n and torch.equal(a.x, b.x) and torch.equal(a.x0h, b.x0h) for a, b in zip(first, second, strict=True)
    )
