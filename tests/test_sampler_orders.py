"""The order of each sampler on each schedule that it fits, measured where the answer is known.

x0 is a mixture of two Gaussians, x1 = 0.7 x0 + noise, so that the exact denoiser and the exact walks are known
(`i2sbkit.analytic`). Walks are over the inside of a bridge, mostly of 10,001 nodes; what lies before their first step
is exact: states and, with them, the estimates that a multistep sampler remembers.
"""

import math
from functools import cache

import pytest
import torch
from strategies import Chain

from i2sbkit import Bridge, Rng
from i2sbkit.analytic import GaussianMixture, LinearProblem, farthest_error
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.dbmsolver import DbmSolver
from i2sbkit_plugins.diffusion import Diffusion
from i2sbkit_plugins.flow import Flow
from i2sbkit_plugins.i2sb import I2sb
from i2sbkit_plugins.ode import Ode
from i2sbkit_plugins.ode2 import Ode2
from i2sbkit_plugins.resshift import ResShift
from i2sbkit_plugins.ve import Ve
from i2sbkit_plugins.vp import Vp

X1 = 0.2
LEVELS = torch.tensor([0.1, 0.5, 0.8], dtype=torch.float64)
TIMES = [k / 10_000 for k in range(10_001)]
SCHEDULES = {
    "i2sb": I2sb(beta_max=0.3),
    "brownian": Brownian(std=0.5, steps=10_001),
    "smooth": Chain(tuple(0.141 * (3 * t * t - 2 * t**3) for t in TIMES), (1.0,) * len(TIMES)),
    "vp": Vp(steps=10_001),
    "ve": Ve(steps=10_001),
    "resshift": ResShift(kappa=0.5, steps=10_001),
    "diffusion": Diffusion(steps=10_001),
    "flow": Flow(steps=10_001),
}
"""`i2sb` has the authors' own 1,000 nodes; `smooth` is slow at both ends as it is, with tables that are exact."""
INSIDE = {name: (800, 160) if name == "i2sb" else (7800, 1800) for name in SCHEDULES}
NOISY = [name for name in SCHEDULES if name != "flow"]
PAIRED = [name for name in SCHEDULES if name != "diffusion"]


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


PRIOR = GaussianMixture(numbers(0.4, 0.6), numbers([-0.6], [0.5]), numbers([[0.04]], [[0.09]]))
PROBLEM = LinearProblem(PRIOR, numbers([0.7]), noise=0.5)


@cache
def exactly(name, ot_ode):
    """The denoiser, and the states of its exact walks at each node (N, 3)."""
    bridge = Bridge(SCHEDULES[name], ot_ode)
    x1 = None if ot_ode else torch.full((1, 1, 1, len(LEVELS)), X1, dtype=torch.float64)
    return PROBLEM.denoiser(bridge, x1), PROBLEM.walk(bridge, LEVELS, None if ot_ode else X1)


def far(make, name, steps, ot_ode=False):
    return farthest_error(make, Bridge(SCHEDULES[name], ot_ode), *exactly(name, ot_ode), (*INSIDE[name], steps), X1)


def order(make, name, ot_ode=False):
    """The slope of the error over the size of a step."""
    return math.log2(far(make, name, 40, ot_ode) / far(make, name, 80, ot_ode))


@pytest.mark.parametrize("name", NOISY)
@pytest.mark.parametrize("claimed", [1, 2, 3])
def test_dbim_is_of_the_order_it_claims(name, claimed):
    assert order(lambda nfe: Dbim(nfe=nfe, order=claimed), name) == pytest.approx(claimed, abs=0.3)


@pytest.mark.parametrize("name", NOISY)
@pytest.mark.parametrize("claimed", [1, 2])
def test_dbmsolver_is_of_the_order_it_claims(name, claimed):
    """Its walk has the given nodes; those between, where it evaluates too, are its own."""
    assert order(lambda nfe: DbmSolver(nfe=nfe, order=claimed), name) == pytest.approx(claimed, abs=0.3)


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize(("make", "claimed"), [(Ode, 1), (Ode2, 2)])
def test_on_the_ot_ode_ode_is_of_order_1_and_ode2_of_order_2(name, make, claimed):
    assert order(lambda nfe: make(nfe=nfe), name, ot_ode=True) == pytest.approx(claimed, abs=0.3)


@pytest.mark.parametrize(("make", "claimed"), [(Ode, 1), (Ode2, 2)])
def test_on_plain_diffusion_they_are_ddim_and_of_order_2(make, claimed):
    assert order(lambda nfe: make(nfe=nfe), "diffusion") == pytest.approx(claimed, abs=0.3)


def test_the_authors_tables_put_a_floor_under_the_ot_ode():
    """Their beta_n counts twice, up to 2e-3 of S: `ode2` ends 3.5e-5 off the exact walk, wherever its steps lead.

    A step of `dbim` keeps the marginals of any tables, so its errors go on falling.
    """
    ode2 = [far(lambda nfe: Ode2(nfe=nfe), "i2sb", steps, ot_ode=True) for steps in (80, 160, 320)]
    assert ode2[0] < 1e-4
    assert ode2[1] == pytest.approx(ode2[2], rel=0.15) == pytest.approx(3.7e-5, rel=0.15)
    dbim = [far(lambda nfe: Dbim(nfe=nfe, order=2), "i2sb", steps) for steps in (160, 320)]
    assert dbim[1] < 0.3 * dbim[0] < 3e-6


@pytest.mark.parametrize("name", ["smooth", "flow"])
@pytest.mark.parametrize(("sampler", "claimed"), [(Dbim, 2), (Dbim, 3), (DbmSolver, 2)])
def test_those_of_higher_order_also_walk_the_ot_ode(name, sampler, claimed):
    """Without noise lambda is ln(A / B), and y is A / B up to a factor."""
    found = order(lambda nfe: sampler(nfe=nfe, order=claimed), name, ot_ode=True)
    assert found == pytest.approx(claimed, abs=0.3)


def test_higher_orders_are_worth_it_at_few_steps():
    """At ten steps each order errs less than the one below."""
    found = [far(lambda nfe, o=o: Dbim(nfe=nfe, order=o), "smooth", 10) for o in (1, 2, 3)]
    assert found[0] > 3 * found[1] > 6 * found[2]
    assert far(lambda nfe: DbmSolver(nfe=nfe), "smooth", 10) < found[0] / 3


@pytest.mark.parametrize("name", NOISY)
def test_the_exact_walk_is_a_fixed_point(name):
    """Told its state, the denoiser's step over one node stays on it: walk and denoiser belong to one law."""
    bridge, (denoise, states) = Bridge(SCHEDULES[name]), exactly(name, False)
    n = len(bridge) // 2
    x_n = states[n].reshape(1, 1, 1, -1)
    x_m = bridge.step(x_n, denoise(x_n, n), torch.full_like(x_n, X1), n, n - 1, Rng([0]), eta=0.0)
    moved = float((states[n] - states[n - 1]).abs().max())
    assert float((x_m.flatten() - states[n - 1]).abs().max()) < 30 / len(bridge) * moved
