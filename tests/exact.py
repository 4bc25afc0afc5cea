"""Arithmetic on bridges without chance: means and variances as numbers, and an Rng whose draws are symbols."""

import pytest
import torch
from torch import Tensor

from i2sbkit import Bridge, Rng, Step


def close(ours, expected, tolerance: float = 1e-12):
    """Assert: equal to `tolerance` times the larger of 1 and the number expected."""
    assert ours == pytest.approx(expected, rel=tolerance, abs=tolerance)


def images(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Uniform noise in [-1, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 2 - 1


def moments(bridge: Bridge, n: int) -> tuple[float, float, float]:
    """Mean (coefficients of x0, x1) and variance of q(x_n | x0, x1), from the tables."""
    t = bridge.tables
    return float(t.mean_x0[n]), float(t.mean_x1[n]), float(t.std[n] ** 2)


def after(step: Step, a_n: float, b_n: float, variance: float) -> tuple[float, float, float]:
    """Mean (coefficients of x0, x1) and variance after a step from N(a_n x0 + b_n x1, variance), with x0h = x0."""
    return step.x0 + step.xn * a_n, step.x1 + step.xn * b_n, step.xn**2 * variance + step.std**2


class Symbols(Rng):
    """Stands for an Rng where images are linear forms (1, D, 1, 1): channel k holds the coefficient of variable k.

    The first variables are the test's own (x0, x1, ...); each draw is the next one. What a sampler makes of such
    images is an exact affine form: its coefficients are means, the sum of squares over the draws is a variance.
    """

    def __init__(self, own: int, draws: int) -> None:
        super().__init__([0])
        self.own, self.size, self.drawn = own, own + draws, 0

    def variable(self, k: int) -> Tensor:
        """The form that is variable k alone, float64."""
        form = torch.zeros(1, self.size, 1, 1, dtype=torch.float64)
        form[0, k] = 1
        return form

    def normal_like(self, x: Tensor) -> Tensor:
        assert x.shape == (1, self.size, 1, 1)
        self.drawn += 1
        return self.variable(self.own + self.drawn - 1).to(x.dtype)

    def split(self, x: Tensor) -> tuple[list[float], float]:
        """The coefficients of the test's own variables, and the variance of what was drawn."""
        own, drawn = x.flatten().double().tensor_split([self.own])
        return own.tolist(), float(drawn.square().sum())
