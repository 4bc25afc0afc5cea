"""The exponential moving average of the parameters."""

import pytest
import torch
from torch import nn

from i2sbkit.ema import Ema


def network(*values):
    """A network of one parameter tensor, in float64."""
    net = nn.Linear(1, len(values), bias=False).double()
    net.weight.data = torch.tensor(values, dtype=torch.float64)[:, None]
    return net


def test_update_is_torch_emas_formula():
    """shadow -= (1 - d) (shadow - parameter), d = min(decay, (1 + k) / (10 + k)) at update k = 1, 2, ...: by hand."""
    net = network(1.0)
    ema = Ema(net, decay=0.2)
    expected, values = 1.0, [2.0, -1.0, 0.5, 3.0]
    for value, decay in zip(values, [2 / 11, 0.2, 0.2, 0.2], strict=True):  # (1 + 1) / (10 + 1), then 3 / 12 > 0.2
        net.weight.data.fill_(value)
        ema.update()
        expected -= (1 - decay) * (expected - value)
        assert ema.shadow["weight"].item() == pytest.approx(expected, rel=1e-12)
    assert ema.updates == 4


def test_long_warm_up():
    """At decay 0.99 the warm-up decides for the first 890 updates: d = 21/30 at the twentieth."""
    net = network(0.0)
    ema = Ema(net, decay=0.99)
    ema.load({"weight": torch.ones(1, 1, dtype=torch.float64)}, updates=19)
    ema.update()
    assert ema.shadow["weight"].item() == pytest.approx(21 / 30, rel=1e-12)


def test_no_decay_follows_the_network():
    """With decay 0 the average is the network."""
    net = network(1.0, 2.0)
    ema = Ema(net, decay=0.0)
    net.weight.data.mul_(3)
    ema.update()
    assert torch.equal(ema.shadow["weight"], net.weight)


def test_the_average_is_applied_for_a_while():
    """Within the block the network holds the average, after it its own parameters, also where the block fails."""
    net = network(1.0)
    ema = Ema(net, decay=0.5)
    net.weight.data.fill_(5.0)
    with pytest.raises(RuntimeError), ema.applied():
        assert net.weight.item() == 1.0
        raise RuntimeError
    assert net.weight.item() == 5.0
    assert ema.shadow["weight"].item() == 1.0


def test_frozen_parameters_are_left_alone():
    """A parameter that is not trained, of whole numbers even, has no average."""
    net = network(1.0)
    net.table = nn.Parameter(torch.arange(3), requires_grad=False)
    ema = Ema(net, decay=0.5)
    ema.update()
    assert list(ema.shadow) == ["weight"]
