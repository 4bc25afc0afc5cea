"""The kernel refuses what would only fit by broadcasting, and tables that are none."""

import math
from dataclasses import replace

import pytest
import torch

import i2sbkit
from i2sbkit import Bridge, Rng
from i2sbkit.kernel.algorithms import denoiser, training_loss
from i2sbkit_plugins.brownian import Brownian

BRIDGE = Bridge(Brownian(std=0.5, steps=10))
X0 = torch.zeros(4, 3, 8, 8)


def identity(x, t):
    """A network that gives its input back."""
    return x


@pytest.mark.parametrize(
    ("lifted", "seeds", "mask"),
    [(X0[:1], 4, None), (X0, 1, None), (X0, 4, torch.ones(3, 1, 1)), (X0, 4, torch.ones(4, 3, 8, 8))],
    ids=["lifted", "rng", "mask", "mask of three channels"],
)
def test_training_refuses_shapes_that_do_not_go_together(lifted, seeds, mask):
    """One node, observation or mask for several images is a mistake of the caller."""
    with pytest.raises(ValueError, match="does not go with"):
        training_loss(identity, BRIDGE, X0, lifted, Rng(range(seeds)), mask=mask)


def test_a_network_of_other_channels_is_refused():
    """One channel for three would broadcast."""
    with pytest.raises(ValueError, match="the network gave"):
        denoiser(lambda x, t: x[:, :1], BRIDGE)(X0, 5)


@pytest.mark.parametrize(
    "change", [{"std": torch.zeros(10)}, {"time": torch.zeros(9).double()}, {"std": torch.full((10,), -1.0).double()}]
)
def test_tables_are_finite_float64_of_one_length(change):
    """Single precision, another length and a negative deviation are told apart from tables."""
    with pytest.raises(ValueError, match="must be"):
        replace(BRIDGE.tables, **change)


def test_a_state_without_noise_gets_all_of_it():
    """From a node whose deviation is 0 every eta draws what the marginal needs, also without `boot`."""
    step = BRIDGE.generic(9, 4, 0.3)
    assert step.std == pytest.approx(float(BRIDGE.tables.std[4]))


@pytest.mark.parametrize("eta", [-0.1, 1.5, math.nan])
def test_a_share_of_the_noise_is_one(eta):
    """Beyond 1 the deviation that is kept would be imaginary."""
    with pytest.raises(i2sbkit.Error, match=r"eta must be in \[0, 1\], got"):
        BRIDGE.generic(8, 4, eta)


def test_input_scale_of_one_number_an_image():
    """A (B,) scale of any float dtype multiplies each image's x_n and leaves the condition alone."""

    class Scaled(Brownian):
        def input_scale(self, n):
            return torch.arange(1, 5, dtype=torch.float64)

    seen = []
    bridge = Bridge(Scaled(std=0.5, steps=10))
    denoiser(lambda x, t: (seen.append(x), x[:, :3])[1], bridge)(torch.ones(4, 6, 8, 8), 5)
    assert seen[0].dtype == torch.float32
    assert seen[0][:, 0, 0, 0].tolist() == [1, 2, 3, 4]
    assert (seen[0][:, 3:] == 1).all()
