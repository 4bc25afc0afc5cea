"""Samplers that are one another, under other names or in a limit."""

import math

import pytest
import torch
from exact import images
from hypothesis import given
from hypothesis import strategies as st
from sampler_walks import SCHEDULES, Counting, every_schedule, same, walk
from strategies import etas, exact, i2sb_chains, walks

from i2sbkit import Bridge, Rng
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.dbmsolver import DbmSolver
from i2sbkit_plugins.diffusion import Diffusion
from i2sbkit_plugins.flow import Flow
from i2sbkit_plugins.i2sb import I2sb
from i2sbkit_plugins.ode import Ode
from i2sbkit_plugins.resshift import ResShift
from i2sbkit_plugins.sde import Sde
from i2sbkit_plugins.ve import Ve
from i2sbkit_plugins.vp import Vp

MORE = [Vp(steps=20), Ve(steps=20, t_max=1.0), ResShift(kappa=0.5, steps=20), Flow(steps=20), Diffusion(steps=20)]
on_more_schedules = pytest.mark.parametrize("schedule", MORE, ids=lambda s: type(s).__name__.lower())


@every_schedule
@pytest.mark.parametrize("nfe", [1, 4, 19])
def test_dbim_with_eta_1_is_sde(schedule, nfe):
    """All of the noise is the Markov posterior's: the same numbers to the bit."""
    x1 = images(2, 3, 4, 4)
    assert same(walk(Dbim(nfe=nfe, eta=1), Bridge(schedule), x1), walk(Sde(nfe=nfe), Bridge(schedule), x1))


@exact
@given(walks())
def test_dbim_with_eta_1_is_sde_on_exact_tables(case):
    """The same on random exact tables."""
    (chain, nfe), x1 = case, images(1, 1, 2, 2)
    assert same(walk(Dbim(nfe=nfe, eta=1), Bridge(chain), x1), walk(Sde(nfe=nfe), Bridge(chain), x1))


@on_more_schedules
@pytest.mark.parametrize("nfe", [1, 4, 19])
def test_dbim_with_eta_1_is_sde_on_every_schedule(schedule, nfe):
    """The same where the walk begins at noise, or at a noisy copy of x1."""
    x1 = images(2, 3, 4, 4)
    assert same(walk(Dbim(nfe=nfe, eta=1), Bridge(schedule), x1), walk(Sde(nfe=nfe), Bridge(schedule), x1))


@on_more_schedules
@pytest.mark.parametrize("nfe", [1, 4, 19])
def test_ode_is_dbim_without_noise(schedule, nfe):
    """With C = 0, as on the bridge in that limit; on diffusion, which has none, ode is dbim with eta = 0."""
    x1 = images(2, 3, 4, 4)
    limit = Bridge(schedule) if isinstance(schedule, Diffusion) else Bridge(schedule, ot_ode=True)
    for state, other in zip(walk(Ode(nfe=nfe), Bridge(schedule), x1), walk(Dbim(nfe=nfe), limit, x1), strict=True):
        torch.testing.assert_close(state.x, other.x, atol=1e-12, rtol=1e-12)


@exact
@given(walks() | st.sampled_from([(schedule, 7) for schedule in SCHEDULES]), etas)
def test_on_an_ot_ode_bridge_every_sampler_is_ode(case, eta):
    """Weights trained without noise are sampled without, whatever sampler and eta; `ode` is that on any bridge."""
    (schedule, nfe), x1 = case, images(1, 1, 2, 2)
    straight = Bridge(schedule, ot_ode=True)
    ode = walk(Ode(nfe=nfe), Bridge(schedule), x1, Rng([1]))
    for sampler in (Ode(nfe=nfe), Sde(nfe=nfe), Dbim(nfe=nfe, eta=eta)):
        assert same(walk(sampler, straight, x1, Rng([2])), ode)


@every_schedule
@pytest.mark.parametrize("nfe", [1, 4, 19])
def test_dbmsolver_of_order_1_is_dbim_without_fresh_noise(schedule, nfe):
    x1 = images(2, 3, 4, 4)
    assert same(walk(DbmSolver(nfe=nfe, order=1), Bridge(schedule), x1), walk(Dbim(nfe=nfe), Bridge(schedule), x1))


@on_more_schedules
@pytest.mark.parametrize("nfe", [1, 4, 19])
def test_dbmsolver_of_order_1_is_dbim_on_every_schedule(schedule, nfe):
    x1 = images(2, 3, 4, 4)
    assert same(walk(DbmSolver(nfe=nfe, order=1), Bridge(schedule), x1), walk(Dbim(nfe=nfe), Bridge(schedule), x1))


@pytest.mark.parametrize("nfe", range(1, 12))
def test_dbmsolver_takes_at_most_nfe_evaluations(nfe):
    """Two a step but for the first and the last: all of an even nfe, all but one of an odd one."""
    denoise = Counting()
    states = walk(DbmSolver(nfe=nfe), Bridge(Brownian(std=0.5, steps=1000)), images(1, 3, 4, 4), denoise=denoise)
    assert len(denoise.asked) == (nfe if nfe == 1 or nfe % 2 == 0 else nfe - 1)
    assert len(states) == (1 if nfe == 1 else nfe // 2 + 1)


@exact
@given(walks(i2sb_chains()), etas)
def test_dbim_is_i3sb(case, eta):
    """Wang et al. 2024, Eq. 7-13, written out: the first step is the Markov posterior, the last gives x0h."""
    (chain, nfe), x1, bridge = case, images(1, 1, 2, 2), Bridge(case[0])
    sigma2 = chain.curves.label_std**2
    total = float(sigma2[-1])
    denoise, states = Counting(), walk(Dbim(nfe=nfe, eta=eta), bridge, x1, Rng([3]))
    x, rng = x1, Rng([3])
    for n, m, state in zip(bridge.nodes(nfe), bridge.nodes(nfe)[1:], states, strict=False):
        x0h, (v_n, v_m) = denoise(x, n), (float(sigma2[n]), float(sigma2[m]))
        g = (1.0 if x is x1 else eta) * (v_m * (v_n - v_m) / v_n) ** 0.5
        if m == 0:
            expected = x0h
        else:
            of_x_n = 0.0 if x is x1 else max(v_m * (total - v_m) - g * g * total, 0.0) ** 0.5
            of_x_n = of_x_n / (v_n * (total - v_n)) ** 0.5 if x is not x1 else v_m / v_n
            of_x0h = (total - v_m) / total - (total - v_n) / total * of_x_n
            of_x1 = v_m / total - v_n / total * of_x_n
            expected = of_x0h * x0h + of_x_n * x + of_x1 * x1 + g * rng.normal_like(x1)
        torch.testing.assert_close(state.x, expected, atol=1e-7, rtol=0)
        x = state.x


def added(lam, m, seen, order):
    """What Zheng et al. 2025 (Eq. 18, App. C) add to (1 - e^-h) x0h, in units of its factor."""
    (n, x0h), *before = seen
    h = lam[m] - lam[n]
    decay = math.exp(-h)
    before = [(lam[u], estimate) for u, estimate in before if math.isfinite(lam[u])]
    if not before:
        return 0.0
    h1, one = lam[n] - before[0][0], before[0][1]
    if order == 2 or len(before) == 1:
        return (decay + h - 1) * (x0h - one) / h1
    h2, two = before[0][0] - before[1][0], before[1][1]
    d1 = ((x0h - one) * (2 * h1 + h2) / h1 - (one - two) * h1 / h2) / (h1 + h2)
    d2 = 2 * ((x0h - one) / h1 - (one - two) / h2) / (h1 + h2)
    return (decay + h - 1) * d1 + (h * h / 2 - h + 1 - decay) * d2


@pytest.mark.parametrize("schedule", [I2sb(beta_max=0.3), Brownian(std=0.5), Vp()], ids=["i2sb", "brownian", "vp"])
@pytest.mark.parametrize(("nfe", "order"), [(3, 2), (9, 2), (9, 3)])
def test_dbim_of_higher_order_is_the_published_one(schedule, nfe, order):
    """The estimate at x1 counts where lambda is finite there, -2.6 on the authors' tables, as in DBIM's own code.

    On exact tables it is infinitely far, and the second step of first order.
    """
    bridge, x1 = Bridge(schedule), images(1, 1, 2, 2)
    t = bridge.tables
    a, b, c = t.mean_x1.tolist(), t.mean_x0.tolist(), t.std.tolist()
    lam, seen = (t.mean_x0 / t.std).log().tolist(), []
    states = walk(Dbim(nfe=nfe, order=order), bridge, x1, denoise=lambda x, n: torch.tanh(x) + 1e-3 * n)
    n, x = len(bridge) - 1, x1
    for state in states[:-1]:
        m = state.n
        seen = [(n, torch.tanh(x) + 1e-3 * n), *seen][:3]
        if x is x1:
            x = a[m] * x1 + b[m] * seen[0][1] + c[m] * Rng([0]).normal_like(x1)
        else:
            of_x0h = (1 - math.exp(lam[n] - lam[m])) * seen[0][1] + added(lam, m, seen, order)
            x = c[m] / c[n] * x + (a[m] - a[n] * c[m] / c[n]) * x1 + b[m] * of_x0h
        torch.testing.assert_close(state.x, x, atol=1e-12, rtol=1e-12)
        n = m


def test_ode_is_the_limit_of_vanishing_noise():
    """On a bridge with next to no noise `sde` walks as `ode` does."""
    x1, bridge = images(1, 3, 4, 4), Bridge(Brownian(std=1e-9, steps=20))
    for state, limit in zip(walk(Sde(nfe=7), bridge, x1), walk(Ode(nfe=7), bridge, x1), strict=True):
        torch.testing.assert_close(state.x, limit.x, atol=1e-6, rtol=0)


@exact
@given(walks(i2sb_chains()))
def test_ode_is_exact_for_a_constant_estimate(case):
    """With one x0h throughout, every state lies on the straight line from x1 to it, however few the steps."""
    (chain, nfe), x0h, x1 = case, *images(2, 1, 1, 2, 2)
    t = chain.curves
    for state in walk(Ode(nfe=nfe), Bridge(chain), x1, denoise=lambda x_n, n: x0h):
        expected = t.mean_x0[state.n] * x0h + t.mean_x1[state.n] * x1
        torch.testing.assert_close(state.x, expected, atol=1e-12, rtol=0)
