"""Algorithm 1 and the denoiser with its wrappers, against values worked out by hand."""

import pytest
import torch
from exact import close, images
from torch import Tensor, nn

from i2sbkit import Bridge, BridgeSchedule, Rng, Tables
from i2sbkit.kernel.algorithms import training_loss
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.i2sb import I2sb

BROWNIAN = Bridge(Brownian(std=0.5, steps=5))


class Net(nn.Module):
    """weight x + t / 1000 on the first channels; remembers what it was shown."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))
        self.channels = channels
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        self.seen.append((x, t))
        return self.weight * x[:, : self.channels] + t.reshape(-1, 1, 1, 1) / 1000


class FromNoise(BridgeSchedule):
    """Plain diffusion: the bridge ends at noise, and the network sees x_n scaled by its node."""

    def tables(self) -> Tables:
        t = torch.linspace(0, 1, 6, dtype=torch.float64)
        return Tables(1 - t, t, torch.zeros_like(t), t, t)

    def endpoint(self, lifted: Tensor, rng: Rng) -> Tensor:
        return rng.normal_like(lifted)

    def input_scale(self, n: Tensor | int) -> Tensor | float:
        return torch.as_tensor(1.0 + n).reshape(-1, 1, 1, 1)


def node_of(t: Tensor, bridge: Bridge) -> Tensor:
    """The node whose time the network was told."""
    return (bridge.tables.time[:, None] - t).abs().argmin(0)


def label_by_hand(net: Net, bridge: Bridge, x0: Tensor) -> tuple[Tensor, Tensor]:
    """What the network gave in its last evaluation and what Eq. 12 asks for, without the kernel's code."""
    x_n, t = net.seen[-1]
    std = bridge.tables.label_std[node_of(t, bridge)].reshape(-1, 1, 1, 1)
    return net(x_n, t), (x_n[:, :3] - x0) / std


# Algorithm 1


@pytest.mark.parametrize("bridge", [BROWNIAN, Bridge(I2sb(beta_max=0.3)), Bridge(I2sb(beta_max=1.0), ot_ode=True)])
def test_loss_is_the_mean_square_from_the_label(bridge):
    """The loss is mean (net(x_n, t_n) - (x_n - x0) / sigma_n)^2 over all elements, and trains the network."""
    net, (x0, x1) = Net(), images(2, 4, 3, 5, 6)
    loss = training_loss(net, bridge, x0, x1, Rng(range(4)))
    loss.backward()
    output, label = label_by_hand(net, bridge, x0)
    close(float(loss.detach()), float((output - label).square().mean().detach()), 1e-5)
    by_hand = torch.autograd.grad((output - label).square().mean(), net.weight)
    close(float(net.weight.grad), float(by_hand[0]), 1e-5)


def test_the_network_sees_a_draw_of_the_bridge_and_the_time_of_its_node():
    """x_n is A x0 + B x1 + C z with a standard normal z (5 sigma), each image at its own node, told as float32."""
    net, (x0, x1) = Net(), images(2, 64, 3, 32, 32)
    training_loss(net, BROWNIAN, x0, x1, Rng(range(64)))
    x_n, t = net.seen[0]
    nodes = node_of(t, BROWNIAN)
    a, b, c = (BROWNIAN.tables.__dict__[k][nodes].reshape(-1, 1, 1, 1) for k in ("mean_x0", "mean_x1", "std"))
    assert t.dtype == torch.float32
    assert torch.equal(t, BROWNIAN.tables.time[nodes].float())
    inside = nodes < 4  # (the bridge is pinned at x1)
    torch.testing.assert_close(x_n[~inside], x1[~inside])
    z = ((x_n - a * x0 - b * x1) / c)[inside]
    assert abs(z.mean()) < 5 / z.numel() ** 0.5
    assert abs(z.var() - 1) < 5 * (2 / z.numel()) ** 0.5


def test_ot_ode_trains_on_the_straight_line():
    """Without noise x_n is A x0 + B x1 itself."""
    bridge, net, (x0, x1) = Bridge(Brownian(std=0.5, steps=5), ot_ode=True), Net(), images(2, 8, 3, 4, 4)
    training_loss(net, bridge, x0, x1, Rng(range(8)))
    x_n, t = net.seen[0]
    share = (t.double() / 1000).reshape(-1, 1, 1, 1)
    torch.testing.assert_close(x_n, (1 - share) * x0 + share * x1, atol=1e-12, rtol=0)


def test_every_node_with_a_label_is_trained_alike_and_no_other():
    """Nodes are uniform over label_std > 0 (5 sigma): never node 0 of an exact bridge."""
    net, n = Net(), 4000
    training_loss(net, BROWNIAN, *images(2, n, 3, 1, 1), Rng(range(n)))
    counts = torch.bincount(node_of(net.seen[0][1], BROWNIAN), minlength=5)
    assert counts[0] == 0
    assert (counts[1:] - n / 4).abs().max() < 5 * (n * 3 / 16) ** 0.5


def test_end_share_trains_that_share_of_the_images_at_the_last_node():
    """The last node gets the share, and what its even part brings (5 sigma); the other nodes stay alike."""
    net, n = Net(), 4000
    training_loss(net, BROWNIAN, *images(2, n, 3, 1, 1), Rng(range(n)), end_share=0.6)
    counts = torch.bincount(node_of(net.seen[0][1], BROWNIAN), minlength=5)
    wanted = torch.tensor([0.0, 0.1, 0.1, 0.1, 0.7]) * n
    assert counts[0] == 0
    assert (counts - wanted).abs().max() < 5 * (n * 0.25) ** 0.5


def test_weights_of_images_count_their_losses():
    """The mean over the images of weight times loss; all weights 1 change nothing."""
    net, (x0, x1), weight = Net(), images(2, 4, 3, 5, 6), torch.tensor([0.0, 1.0, 2.0, 5.0], dtype=torch.float64)
    loss = training_loss(net, BROWNIAN, x0, x1, Rng(range(4)), weight=weight)
    output, label = label_by_hand(net, BROWNIAN, x0)
    by_hand = (output - label).square().mean(dim=(1, 2, 3)) @ weight / 4
    close(float(loss.detach()), float(by_hand.detach()), 1e-5)
    even = training_loss(net, BROWNIAN, x0, x1, Rng(range(4)), weight=torch.ones(4))
    close(float(even.detach()), float(training_loss(net, BROWNIAN, x0, x1, Rng(range(4))).detach()), 1e-5)


def test_masked_loss_counts_the_missing_and_averages_over_all():
    """Known pixels add nothing to the sum; the mean is over all pixels, as the authors'."""
    net, (x0, x1) = Net(), images(2, 4, 3, 5, 6)
    mask = (images(4, 1, 5, 6, seed=1) > 0).double()
    loss = training_loss(net, BROWNIAN, x0, x1, Rng(range(4)), mask=mask)
    output, label = label_by_hand(net, BROWNIAN, x0)
    by_hand = ((output - label).square() * mask).sum() / (4 * 3 * 5 * 6)
    close(float(loss.detach()), float(by_hand.detach()), 1e-5)
    assert training_loss(net, BROWNIAN, x0, x1, Rng(range(4)), mask=torch.zeros_like(mask)) == 0


def test_cond_x1_shows_the_observation_as_more_channels():
    """With cond_x1 the network sees six channels: x_n, and the lifted observation as it is."""
    net, lifted = Net(), images(4, 3, 5, 6)
    training_loss(net, Bridge(FromNoise()), images(4, 3, 5, 6, seed=1), lifted, Rng(range(4)), cond_x1=True)
    ((x, _),) = net.seen
    assert x.shape == (4, 6, 5, 6)
    assert torch.equal(x[:, 3:], lifted)


def test_the_bridge_ends_at_the_schedules_endpoint():
    """Where a schedule ends at noise, x_n leads there, and what conditions the network still is the observation."""
    bridge, net, (x0, lifted) = Bridge(FromNoise()), Net(), images(2, 64, 3, 8, 8)
    training_loss(net, bridge, x0, lifted, Rng(range(64)))
    x, t = net.seen[0]
    nodes = node_of(t, bridge).reshape(-1, 1, 1, 1)
    noise = (x / (1.0 + nodes) - (1 - nodes / 5) * x0) / (nodes / 5)
    assert abs(noise.var() - 1) < 5 * (2 / noise.numel()) ** 0.5
    assert abs((noise * lifted).mean()) < 5 * (1 / 3 / noise.numel()) ** 0.5


@pytest.mark.parametrize("bridge", [BROWNIAN, Bridge(FromNoise())])
def test_microbatches_add_up(bridge):
    """The mean over two halves is the whole: an image's draws depend on its own seed alone."""
    net, (x0, x1) = Net(), images(2, 6, 3, 5, 6)
    mask = (images(6, 1, 5, 6, seed=1) > 0).double()
    whole = training_loss(net, bridge, x0, x1, Rng(range(6)), mask=mask)
    parts = [
        training_loss(net, bridge, x0[k], x1[k], Rng([k.start, k.start + 1]), mask=mask[k])
        for k in (slice(0, 2), slice(2, 4), slice(4, 6))
    ]
    close(float(sum(parts).detach()) / 3, float(whole.detach()), 1e-6)


def test_same_seeds_same_loss():
    """A loss follows from its Rng's seeds; others give another."""
    x0, x1 = images(2, 4, 3, 5, 6)
    first, again, other = (
        training_loss(Net(), BROWNIAN, x0, x1, Rng(seeds)) for seeds in ([1, 2, 3, 4],) * 2 + ([5, 6, 7, 8],)
    )
    assert torch.equal(first, again)
    assert not torch.isclose(first, other)
