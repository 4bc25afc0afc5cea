"""The order of each sampler, measured where the answer is known: Gaussian x0 and x1, and the exact denoiser.

With x0 given x1 normal, the deterministic walk of `dbim` keeps x_n = A m + B x1 + sqrt(A^2 v + C^2) xi for one xi, and
the OT-ODE x_n = E x_n + deviation of x_n times xi. Walks are over the inside of a bridge of 10,001 nodes; what lies
before its first step is exact: states and, with them, the estimates that a multistep sampler remembers.
"""

import math

import pytest
import torch
from strategies import Chain

from i2sbkit import Bridge, Rng
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.dbmsolver import DbmSolver
from i2sbkit_plugins.ode import Ode
from i2sbkit_plugins.ode2 import Ode2

VARIANCE, GAIN, X1 = 0.09, 0.7, 0.4
START, END, STEPS = 7800, 1800, (10, 20, 40, 80)
TIMES = [k / 10_000 for k in range(10_001)]
SMOOTH = Chain(tuple(0.141 * (3 * t * t - 2 * t**3) for t in TIMES), (1.0,) * len(TIMES))
SCHEDULES = [Brownian(std=0.5, steps=10_001), SMOOTH]
"""The second one is slow at both ends, as I2SB's is, with tables that are exact: the authors' would end the fall of the
errors at 1e-6."""


class Inside(Bridge):
    """A bridge walked over given nodes, from a given state."""

    def __init__(self, schedule, nodes, state, ot_ode=False):
        super().__init__(schedule, ot_ode)
        self.given, self.state = nodes, state

    def nodes(self, nfe, spacing="uniform"):
        return self.given

    def start(self, x1, rng):
        return self.state


def exact_walk(bridge: Bridge, xi: float = 0.8):
    """The state at each node (N,), and the denoiser E[x0 | x_n, x1] or, without noise, E[x0 | x_n]."""
    t = bridge.tables
    if bridge.ot_ode:  # x1 is normal too, with mean 0 and variance 1, and x0 = GAIN x1 + noise
        variance = t.mean_x0**2 * (GAIN**2 + VARIANCE) + t.mean_x1**2 + 2 * t.mean_x0 * t.mean_x1 * GAIN
        gain = (t.mean_x0 * (GAIN**2 + VARIANCE) + t.mean_x1 * GAIN) / variance
        return variance.sqrt() * xi, lambda x_n, n: float(gain[n]) * x_n
    mean, deviation = t.mean_x0 * GAIN * X1 + t.mean_x1 * X1, (t.mean_x0**2 * VARIANCE + t.std**2).sqrt()
    gain = t.mean_x0 * VARIANCE / deviation**2
    return mean + deviation * xi, lambda x_n, n: GAIN * X1 + float(gain[n]) * (x_n - float(mean[n]))


def error(make, schedule, steps: int, ot_ode: bool = False) -> float:
    """How far a walk of so many steps from START to END is from the exact one, where it is farthest."""
    stride = (START - END) // steps
    nodes = [START + 3 * stride - k * stride for k in range(steps + 4)] + [0]
    states, denoise = exact_walk(Bridge(schedule, ot_ode))
    one = lambda n: states[n].reshape(1, 1, 1, 1).clone()  # noqa: E731
    bridge = Inside(schedule, nodes, one(nodes[0]), ot_ode)
    x1 = torch.full((1, 1, 1, 1), X1, dtype=torch.float64)
    errors = []
    for state in make(len(nodes)).sample(denoise, bridge, x1, Rng([0])):
        if state.n >= START:
            state.x.copy_(one(state.n))  # the history is exact
        elif state.n >= END:
            errors.append(float((state.x - one(state.n)).abs()))
    return max(errors)


def order(make, schedule, ot_ode: bool = False) -> float:
    """The slope of the error over the size of a step, between the two finest walks."""
    errors = [error(make, schedule, steps, ot_ode) for steps in STEPS]
    assert errors == sorted(errors, reverse=True)
    return math.log2(errors[-2] / errors[-1])


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["brownian", "smooth"])
@pytest.mark.parametrize("claimed", [1, 2, 3])
def test_dbim_is_of_the_order_it_claims(schedule, claimed):
    assert order(lambda nfe: Dbim(nfe=nfe, order=claimed), schedule) == pytest.approx(claimed, abs=0.3)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["brownian", "smooth"])
@pytest.mark.parametrize("claimed", [1, 2])
def test_dbmsolver_is_of_the_order_it_claims(schedule, claimed):
    """Its walk has the given nodes; those between, where it evaluates too, are its own."""
    assert order(lambda nfe: DbmSolver(nfe=nfe, order=claimed), schedule) == pytest.approx(claimed, abs=0.3)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["brownian", "smooth"])
@pytest.mark.parametrize(("make", "claimed"), [(Ode, 1), (Ode2, 2)])
def test_on_the_ot_ode_ode_is_of_order_1_and_ode2_of_order_2(schedule, make, claimed):
    assert order(lambda nfe: make(nfe=nfe), schedule, ot_ode=True) == pytest.approx(claimed, abs=0.3)


@pytest.mark.parametrize("claimed", [2, 3])
def test_dbim_of_higher_order_also_walks_the_ot_ode(claimed):
    """Without noise its lambda is ln(A / B)."""
    assert order(lambda nfe: Dbim(nfe=nfe, order=claimed), SMOOTH, ot_ode=True) == pytest.approx(claimed, abs=0.3)


def test_higher_orders_are_worth_it_at_few_steps():
    """At ten steps each order errs less than the one below."""
    errors = [error(lambda nfe, o=o: Dbim(nfe=nfe, order=o), SMOOTH, 10) for o in (1, 2, 3)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert error(lambda nfe: DbmSolver(nfe=nfe), SMOOTH, 10) < errors[0] / 3


def test_gaussian_laws_are_those_of_the_denoisers():
    """The exact walk is a fixed point: told its state, the denoiser's step over one node stays on it (1e-7)."""
    bridge = Bridge(SCHEDULES[0])
    states, denoise = exact_walk(bridge)
    x_n = states[5000].reshape(1, 1, 1, 1)
    x1 = torch.full_like(x_n, X1)
    x_m = bridge.step(x_n, denoise(x_n, 5000), x1, 5000, 4999, Rng([0]), eta=0.0)
    torch.testing.assert_close(x_m, states[4999].reshape(1, 1, 1, 1), atol=1e-7, rtol=0)
