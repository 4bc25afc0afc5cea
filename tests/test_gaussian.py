"""Gaussian x0 and x1, where the best denoiser has a closed form: samplers must end in the law of the clean image.

A sampler takes E[x0 | x_n] for x0 at each step, so the variance it ends with is right up to the size of its steps; the
mean is right at any number of steps.
"""

from dataclasses import dataclass

import pytest
import torch
from exact import Symbols, close, images
from torch import Tensor

from i2sbkit import Bridge, BridgeSchedule, Denoise, Rng, Sampler, Tables
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.i2sb import I2sb
from i2sbkit_plugins.ode import Ode
from i2sbkit_plugins.sde import Sde

OFFSET, GAIN, VARIANCE = 0.2, 0.7, 0.09
"""x0 given x1 is N(OFFSET + GAIN x1, VARIANCE)."""
MEAN_1, STD_1 = -0.1, 0.5
"""x1 is N(MEAN_1, STD_1^2)."""
conditioned_samplers = pytest.mark.parametrize(
    "make",
    [lambda nfe: Sde(nfe=nfe), *(lambda nfe, e=e: Dbim(nfe=nfe, eta=e) for e in (0.0, 0.5, 1.0))],
    ids=["sde", "dbim-0", "dbim-0.5", "dbim-1"],
)


@dataclass(frozen=True)
class VariancePreserving(BridgeSchedule):
    """DDBM-VP (Zhou et al. 2024): alpha = exp(-(0.1 t + t^2) / 2), rho^2 = exp(0.1 t + t^2) - 1; A + B is not 1."""

    steps: int

    def tables(self) -> Tables:
        t = torch.linspace(0, 1, self.steps, dtype=torch.float64)
        alpha, rho2 = torch.exp(-(0.1 * t + t * t) / 2), torch.expm1(0.1 * t + t * t)
        done = rho2 / rho2[-1]
        std = alpha * (rho2 * (1 - done)).sqrt()
        return Tables(alpha * (1 - done), alpha / alpha[-1] * done, std, rho2.sqrt(), t)


def knows_x1(bridge: Bridge, one: Tensor | float, x1: Tensor) -> Denoise:
    """E[x0 | x_n, x1]."""
    t, prior = bridge.tables, OFFSET * one + GAIN * x1
    evidence = t.mean_x0**2 * VARIANCE + t.std**2
    gain = torch.where(evidence > 0, t.mean_x0 * VARIANCE / evidence, 0.0).tolist()
    a, b = t.mean_x0.tolist(), t.mean_x1.tolist()
    return lambda x_n, n: prior + gain[n] * (x_n - a[n] * prior - b[n] * x1)


def sees_x_n_alone(bridge: Bridge, one: Tensor) -> Denoise:
    """E[x0 | x_n], as a network without x1 learns it."""
    a, b, std = bridge.tables.mean_x0, bridge.tables.mean_x1, bridge.tables.std
    mean_0, variance_1 = OFFSET + GAIN * MEAN_1, STD_1**2
    variance_0, covariance = GAIN**2 * variance_1 + VARIANCE, GAIN * variance_1
    evidence = a**2 * variance_0 + b**2 * variance_1 + 2 * a * b * covariance + std**2
    gain = ((a * variance_0 + b * covariance) / evidence).tolist()
    mean_n = (a * mean_0 + b * MEAN_1).tolist()
    return lambda x_n, n: mean_0 * one + gain[n] * (x_n - mean_n[n] * one)


def end_given_x1(sampler: Sampler, bridge: Bridge) -> tuple[list[float], float]:
    """Where a sampler ends, exactly: the mean's coefficients of 1 and x1, and the variance."""
    rng = Symbols(2, sampler.nfe)
    one, x1 = rng.variable(0), rng.variable(1)
    *_, last = sampler.sample(knows_x1(bridge, one, x1), bridge, x1, rng)
    return rng.split(last.x)


def end_over_x1(sampler: Sampler, bridge: Bridge) -> tuple[float, float]:
    """The mean and variance of where a sampler ends that sees x_n alone, over the law of x1."""
    rng = Symbols(2, sampler.nfe)
    one, u = rng.variable(0), rng.variable(1)  # u: x1, standardised
    *_, last = sampler.sample(sees_x_n_alone(bridge, one), bridge, MEAN_1 * one + STD_1 * u, rng)
    (mean, of_u), variance = rng.split(last.x)
    return mean, of_u**2 + variance


def schedules(steps: int) -> list[BridgeSchedule]:
    return [Brownian(std=0.5, steps=steps), VariancePreserving(steps)]


@conditioned_samplers
@pytest.mark.parametrize("kind", [0, 1], ids=["brownian", "vp"])
def test_ends_in_the_law_of_x0_given_x1(make, kind):
    """Mean and covariance with x1 are exact; the error of the variance falls with the size of the steps."""
    errors = []
    for steps in (400, 1600):
        (offset, gain), variance = end_given_x1(make(steps - 1), Bridge(schedules(steps)[kind]))
        close((offset, gain), (OFFSET, GAIN), 1e-9)
        errors.append(abs(variance / VARIANCE - 1))
    assert errors[1] < 0.011
    assert errors[1] < 0.34 * errors[0]  # (1 / 4, and a little for log N where t -> 0)


@conditioned_samplers
@pytest.mark.parametrize("nfe", [1, 3, 10])
def test_the_mean_is_right_at_any_nfe(make, nfe):
    """However few the steps, nothing is biased."""
    for schedule in schedules(50):
        mean, _ = end_given_x1(make(nfe), Bridge(schedule))
        close(mean, [OFFSET, GAIN], 1e-9)


@conditioned_samplers
def test_ends_in_the_law_on_the_authors_tables(make):
    """On the authors' tables the mean is right to beta_n / S, the variance to the steps and C_0^2."""
    (offset, gain), variance = end_given_x1(make(999), Bridge(I2sb(beta_max=0.3)))
    close((offset, gain), (OFFSET, GAIN), 1e-3)
    assert variance == pytest.approx(VARIANCE, rel=0.01)


@pytest.mark.parametrize("kind", [0, 1], ids=["brownian", "vp"])
def test_sde_without_x1_carries_x1_to_x0(kind):
    """The Markov chain with E[x0 | x_n] has every marginal of the bridge: it ends with the mean and variance of x0."""
    expected = OFFSET + GAIN * MEAN_1, GAIN**2 * STD_1**2 + VARIANCE
    errors = []
    for steps in (400, 1600):
        mean, variance = end_over_x1(Sde(nfe=steps - 1), Bridge(schedules(steps)[kind]))
        close(mean, expected[0], 1e-9)
        errors.append(abs(variance / expected[1] - 1))
    assert errors[1] < 0.011
    assert errors[1] < 0.34 * errors[0]  # (1 / 4, and a little for log N where t -> 0)


def test_ode_without_x1_carries_x1_to_x0():
    """So does the OT-ODE, whose denoiser was trained on the straight lines."""
    for schedule in schedules(400):
        mean, variance = end_over_x1(Ode(nfe=399), Bridge(schedule, ot_ode=True))
        close(mean, OFFSET + GAIN * MEAN_1, 1e-9)
        assert variance == pytest.approx(GAIN**2 * STD_1**2 + VARIANCE, rel=0.002)


@pytest.mark.parametrize("sampler", [Sde(nfe=49), Dbim(nfe=49, eta=0.5)])
def test_real_noise_agrees_with_the_exact_law(sampler):
    """Mean, variance and covariance with x1 of 10^5 pixels are within 5 sigma of what the same steps give exactly."""
    bridge = Bridge(Brownian(std=0.5, steps=50))
    x1 = MEAN_1 + STD_1 * 3**0.5 * images(2, 1, 224, 224, seed=3)
    *_, last = sampler.sample(knows_x1(bridge, 1.0, x1), bridge, x1, Rng([1, 2]))
    (offset, gain), variance = end_given_x1(sampler, bridge)
    rest, n = last.x - offset - gain * x1, x1.numel()
    assert abs(rest.mean()) < 5 * (variance / n) ** 0.5
    assert abs(rest.var() / variance - 1) < 5 * (2 / n) ** 0.5
    assert abs((rest * (x1 - MEAN_1)).mean()) < 5 * STD_1 * (variance / n) ** 0.5
