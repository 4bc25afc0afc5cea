"""The schedules i2sb and brownian: how far the authors' tables are from exact, and what is refused."""

import pytest
import torch
from exact import Symbols, after, close, moments

from i2sbkit import Bridge, Error
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.i2sb import I2sb

AUTHORS = [I2sb(beta_max=0.3), I2sb(beta_max=1.0)]


def inexactness(schedule: I2sb) -> float:
    """beta_n / S, the largest: what the authors' tables are off by, because they count beta_n in both sums."""
    ahead = schedule.curves.label_std**2
    return float(ahead.diff(prepend=torch.zeros(1, dtype=torch.float64)).max() / ahead[-1])


@pytest.mark.parametrize("schedule", AUTHORS)
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_authors_first_step_has_the_marginal_to_beta(schedule, eta):
    """The same on the authors' tables: exact where eta < 1, to beta_n / S for their own posterior."""
    bridge = Bridge(schedule)
    for m in range(1, 999, 7):
        rng = Symbols(2, 1)
        x0h, x1 = rng.variable(0), rng.variable(1)
        mean, variance = rng.split(bridge.step(x1, x0h, x1, 999, m, rng, eta=eta, boot=True))
        close((*mean, variance), moments(bridge, m), 1e-12 if eta < 1 else inexactness(schedule))


@pytest.mark.parametrize("schedule", AUTHORS)
def test_authors_tables_are_off_by_beta(schedule):
    """Their posterior is the generic one, and keeps the marginal, to beta_n / S; the generic step keeps it exactly.

    But at node 0, where it leaves out the noise that these tables still have.
    """
    bridge, off = Bridge(schedule), inexactness(schedule)
    assert off < 2e-3
    for n, m in ((j, i) for j in range(1, 1000, 41) for i in range(0, j, 37)):
        step, generic = bridge.posterior(n, m), bridge.generic(n, m, 1.0)
        if m > 0:
            close((step.x0, step.xn, step.x1, step.std**2), (generic.x0, generic.xn, generic.x1, generic.std**2), off)
        close(after(step, *moments(bridge, n)), moments(bridge, m), off)
        for eta in (0.0, 0.5, 1.0):
            mean_x0, mean_x1, variance = moments(bridge, m)
            kept = after(bridge.generic(n, m, eta), *moments(bridge, n))
            close(kept, (mean_x0, mean_x1, variance if m > 0 else 0.0))


@pytest.mark.parametrize(
    ("schedule", "nodes"), [(Brownian(std=1.0, steps=5), [1, 2, 3, 4]), (I2sb(beta_max=1.0, steps=4), [0, 1, 2, 3])]
)
def test_nodes_without_a_label_are_not_trained(schedule, nodes):
    """Training draws the nodes where label_std > 0: not node 0 of an exact bridge."""
    assert Bridge(schedule).trained_nodes.tolist() == nodes


def test_brownian_is_the_brownian_bridge():
    """x_t = (1 - t) x0 + t x1 + std sqrt(t (1 - t)) z, pinned at both ends."""
    bridge = Bridge(Brownian(std=0.6, steps=5))
    expected = [(1 - t, t, 0.36 * t * (1 - t)) for t in (0, 0.25, 0.5, 0.75, 1)]
    close([x for n in range(5) for x in moments(bridge, n)], [x for row in expected for x in row])


@pytest.mark.parametrize(
    ("factory", "options", "message"),
    [
        (I2sb, {"beta_max": 0.3, "steps": 7}, "steps must be an even number.*got 7"),
        (I2sb, {"beta_max": 0.3, "steps": 0}, "steps must be an even number, at least 2"),
        (I2sb, {"beta_max": 0.0}, "beta_max must be > 0"),
        (I2sb, {"beta_max": 0.3, "beta_min": 0.0}, "beta_min and beta_max must be > 0"),
        (Brownian, {"std": 0.0}, "std must be > 0, got 0.0"),
        (Brownian, {"std": 1.0, "steps": 1}, "steps must be at least 2 and at most 100000, got 1"),
    ],
)
def test_schedules_refuse_what_makes_no_bridge(factory, options, message):
    """An option that makes no bridge is an error that names it."""
    with pytest.raises(Error, match=message):
        factory(**options)
