"""Which nodes a walk visits: all different, from one end to the other, where the spacing wants them."""

from itertools import pairwise

import pytest
import torch
from exact import close
from hypothesis import given
from hypothesis import strategies as st
from strategies import exact, walks

from i2sbkit import Bridge, Error
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.i2sb import I2sb

SPACINGS = ["uniform", "karras", "logsnr"]
FINE = Brownian(std=0.5, steps=100_000)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_bridge_of_two_nodes_is_walked_in_one_step(spacing):
    """Where no node has a finite value on the curve."""
    assert Bridge(Brownian(steps=2)).nodes(1, spacing) == [1, 0]


@exact
@given(
    walks() | st.sampled_from([(I2sb(beta_max=0.3), 999), (I2sb(beta_max=1.0), 3)]),
    st.sampled_from(SPACINGS),
    st.booleans(),
)
def test_nodes_are_all_different_and_lead_from_one_end_to_the_other(case, spacing, ot_ode):
    nfe, bridge = case[1], Bridge(case[0], ot_ode)
    nodes = bridge.nodes(nfe, spacing)
    assert len(nodes) == nfe + 1
    assert (nodes[0], nodes[-1]) == (len(bridge) - 1, 0)
    assert all(n > m for n, m in pairwise(nodes))


def test_karras_is_even_in_the_seventh_root_of_the_deviation():
    """On a fine grid each node's sigma is the one of Eq. 5, to the grid's own step."""
    bridge = Bridge(FINE)
    sigma = bridge.tables.label_std
    wanted = torch.linspace(float(sigma[-1]) ** (1 / 7), float(sigma[1]) ** (1 / 7), 11, dtype=torch.float64)
    close((sigma[bridge.nodes(10, "karras")] ** (1 / 7))[:-1].tolist(), wanted[:-1].tolist(), 0.01)


def test_logsnr_is_even_in_the_logarithm_of_signal_over_noise():
    """Between the neighbours of the ends, which have none that is finite."""
    bridge = Bridge(FINE)
    inner = bridge.log_snr[bridge.nodes(8, "logsnr")][1:-1]
    steps = inner.diff()
    close(steps.tolist(), [float(steps.mean())] * 6, 1e-2)
    assert float(bridge.log_snr[1] - bridge.log_snr[-2]) == pytest.approx(8 * float(steps.mean()), rel=0.02)


def test_without_noise_the_snr_is_that_over_x1():
    straight = Bridge(FINE, ot_ode=True)
    t = straight.tables
    close(float(straight.log_snr[5000]), float((t.mean_x0 / t.mean_x1)[5000].log()))


@pytest.mark.parametrize("spacing", ["cosine", ""])
def test_another_spacing_is_refused(spacing):
    with pytest.raises(Error, match="spacing must be uniform, karras or logsnr"):
        Bridge(FINE).nodes(3, spacing)
