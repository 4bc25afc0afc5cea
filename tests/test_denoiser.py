"""The network as a denoiser, and what is wrapped round it."""

import numpy as np
import pytest
import torch
from exact import images
from test_algorithms import BROWNIAN, FromNoise, Net
from torch import Tensor

from i2sbkit import Bridge, Rng
from i2sbkit.kernel.algorithms import conditioned, denoiser, known_pixels, padded
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.sde import Sde


class Seeing:
    """A denoiser that remembers what it saw and gives its first three channels back."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, x_n: Tensor, n: int) -> Tensor:
        self.seen.append(x_n)
        return x_n[:, :3]


@pytest.mark.parametrize("n", [1, 3, 4])
def test_denoiser_inverts_the_label(n):
    """denoise(x_n, n) is x_n - sigma_n net(x_n, t_n), every image told the time of node n."""
    net, x_n = Net(), images(2, 3, 5, 6)
    t = n / 4
    ours = denoiser(net, BROWNIAN)(x_n, n)
    torch.testing.assert_close(ours, x_n - 0.5 * t**0.5 * (0.5 * x_n + t), atol=1e-12, rtol=0)
    assert net.seen[0][1].tolist() == [1000 * t] * 2


def test_a_network_that_learnt_the_label_gives_x0():
    """What training asks for is what sampling undoes: a perfect network gives x0 at every node, scaled input or not."""
    for bridge in (BROWNIAN, Bridge(FromNoise())):
        x0, x_n = images(2, 2, 3, 4, 4)
        for n in range(1, len(bridge)):
            answer = bridge.label(x0, x_n, n)
            torch.testing.assert_close(denoiser(lambda x, t, a=answer: a, bridge)(x_n, n), x0, atol=1e-12, rtol=0)


def test_what_conditions_the_network_is_no_part_of_x_n():
    """Channels beyond the picture's reach the network unscaled, and the estimate has the picture's."""
    net, x = Net(), images(2, 6, 4, 4)
    assert denoiser(net, Bridge(FromNoise()))(x, 2).shape == (2, 3, 4, 4)
    seen = net.seen[0][0]
    torch.testing.assert_close(seen[:, :3], 3 * x[:, :3])
    assert torch.equal(seen[:, 3:], x[:, 3:])


def test_channels_may_be_other_than_three():
    """A grey picture conditioned on itself: one channel and one more."""
    net, x = Net(channels=1), images(2, 2, 4, 4)
    ours = denoiser(net, BROWNIAN, channels=1)(x, 4)
    torch.testing.assert_close(ours, x[:, :1] - 0.5 * (0.5 * x[:, :1] + 1.0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_estimate_has_the_dtype_of_x_n(dtype):
    """A network that answers in another precision changes no dtype downstream."""
    x_n = images(1, 3, 4, 4, dtype=torch.float32)
    assert denoiser(lambda x, t: x.to(dtype), BROWNIAN)(x_n, 2).dtype == torch.float32


def test_conditioned_shows_x1_beside_x_n():
    """The network sees x_n first, then the observation."""
    seeing, (x_n, x1) = Seeing(), images(2, 2, 3, 4, 4)
    assert torch.equal(conditioned(seeing, x1)(x_n, 1), x_n)
    assert torch.equal(seeing.seen[0], torch.cat([x_n, x1], dim=1))


def test_known_pixels_are_put_into_the_estimate():
    """Where the mask is 0 the estimate is what is known; where it is 1, the network's."""
    x_n, known = images(2, 2, 3, 4, 4)
    mask = (images(2, 1, 4, 4, seed=1) > 0).double()
    ours = known_pixels(lambda x, n: 2 * x, known, mask)(x_n, 1)
    missing = mask.bool().expand_as(ours)
    assert torch.equal(ours[missing], 2 * x_n[missing])
    assert torch.equal(ours[~missing], known[~missing])


@pytest.mark.parametrize("sampler", [Sde(nfe=4), Dbim(nfe=4, eta=0.5)])
def test_known_pixels_come_back_as_they_are(sampler):
    """On an exact bridge, known pixels of the result are the observation's, whatever the network says."""
    x1 = images(2, 3, 4, 4)
    mask = (images(2, 1, 4, 4, seed=1) > 0).double()
    denoise = known_pixels(lambda x, n: x - 1, x1, mask)
    *_, last = sampler.sample(denoise, BROWNIAN, x1, Rng([0, 1]))
    known = ~mask.bool().expand_as(x1)
    torch.testing.assert_close(last.x[known], x1[known], atol=1e-12, rtol=0)
    assert ((last.x - x1)[~known].abs() > 0.01).all()


@pytest.mark.parametrize(("multiple_of", "min_size"), [(1, 1), (8, 8), (4, 16), (3, 5), (1, 7)])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (2, 3), (7, 13), (16, 8), (31, 5)])
def test_padded_mirrors_and_crops(height, width, multiple_of, min_size):
    """The network sees the picture mirrored at the right and bottom (numpy's "reflect"), in sizes that it takes."""
    seeing, x_n = Seeing(), images(2, 6, height, width)
    result = padded(seeing, multiple_of, min_size)(x_n, 1)
    (seen,) = seeing.seen
    assert torch.equal(result, x_n[:, :3])
    for size, full in zip((height, width), seen.shape[2:], strict=True):
        assert full % multiple_of == 0
        assert max(size, min_size) <= full < max(size, min_size) + multiple_of
    grown = [(0, 0), (0, 0), (0, seen.shape[2] - height), (0, seen.shape[3] - width)]
    np.testing.assert_array_equal(seen.numpy(), np.pad(x_n.numpy(), grown, mode="reflect"))


def test_padded_leaves_sizes_that_fit():
    """Where nothing is to be padded nothing is copied."""
    seeing, x_n = Seeing(), images(1, 3, 16, 8)
    padded(seeing, 8, 8)(x_n, 1)
    assert seeing.seen[0] is x_n


def test_wrappers_compose():
    """Padded, conditioned, known: a sampler calls one function, and the network sees six padded channels."""
    net, x1 = Net(), images(2, 3, 5, 7)
    mask = torch.zeros(2, 1, 5, 7).index_fill_(3, torch.arange(3), 1)
    denoise = known_pixels(conditioned(padded(denoiser(net, BROWNIAN), 8, 8), x1), x1, mask)
    *_, last = Dbim(nfe=4).sample(denoise, BROWNIAN, x1, Rng([0, 1]))
    assert last.x.shape == x1.shape
    assert [tuple(x.shape) for x, _ in net.seen] == [(2, 6, 8, 8)] * 4
    torch.testing.assert_close(last.x[..., 3:], x1[..., 3:], atol=1e-12, rtol=0)
