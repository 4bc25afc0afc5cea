"""The backbone `compact`: what it promises to the host, to tiling and to training."""

import pickle

import pytest
import torch
from torch import Tensor, nn

import i2sbkit
from i2sbkit_plugins.compact import Compact

SMALL = Compact(width=4, encoder=(1, 1), middle=1, decoder=(1, 1), time_dim=8)
UNEVEN = Compact(width=4, encoder=(1, 2, 0), middle=1, decoder=(0, 2, 1), time_dim=8)
SHAPES = [SMALL, UNEVEN, Compact(width=4)]


def shaken(options: Compact, in_channels: int = 3) -> nn.Module:
    """A network in float64 whose every parameter is random: as built, it gives 0 everywhere."""
    generator = torch.Generator().manual_seed(0)
    net = options.build(in_channels, 3).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.2, generator=generator)
    return net


def batch(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1


def test_default_has_two_and_a_half_million_parameters():
    """The default architecture stays as it is: released weights depend on it."""
    net = Compact().build(3, 3)
    assert sum(parameter.numel() for parameter in net.parameters()) == 2_532_947


def test_starts_as_the_zero_function():
    """Before training the estimate of x0 is x_n itself."""
    assert not SMALL.build(3, 3)(batch(1, 3, 8, 8).float(), torch.tensor([5.0])).any()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 3), (5, 2)])
@pytest.mark.parametrize("options", SHAPES)
def test_takes_any_multiple_of_multiple_of(options, height, width):
    """Every size from min_size up in steps of multiple_of comes back as large as it went in."""
    assert options.min_size == options.multiple_of
    x = batch(2, 6, height * options.multiple_of, width * options.multiple_of)
    out = shaken(options, in_channels=6)(x, torch.tensor([0.1, 1000.0]))
    assert out.shape == (2, 3, *x.shape[2:])
    assert out.isfinite().all()


def test_images_of_a_batch_do_not_see_each_other():
    """An image gives the same alone as in a batch, each with its own time."""
    net, x, t = shaken(SMALL), batch(3, 3, 16, 16), torch.tensor([0.1, 30.0, 1000.0])
    together = net(x, t)
    for i in range(3):
        torch.testing.assert_close(net(x[i : i + 1], t[i : i + 1]), together[i : i + 1], atol=1e-10, rtol=0)


def reach(net: nn.Module, pixel: int, size: int, axis: int) -> int:
    """How far from `pixel` along `axis` the input's gradient of that output row or column is not exactly 0."""
    shape = [1, 3, 16, 16]
    shape[axis] = size
    x = batch(*shape).requires_grad_()
    net(x, torch.tensor([30.0])).select(axis, pixel).sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum(dim=[d for d in range(4) if d != axis]).nonzero()
    return int((seen - pixel).abs().max())


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("options", SHAPES)
def test_receptive_field_is_as_declared(options, axis):
    """Over all alignments with the bottom grid an output reaches exactly receptive_field pixels, and never more."""
    net, m = shaken(options), options.multiple_of
    around = options.receptive_field // m + 2
    reaches = [reach(net, around * m + i, (2 * around + 1) * m, axis) for i in range(m)]
    assert max(reaches) == options.receptive_field


def test_tiles_with_a_halo_equal_the_whole():
    """A crop on the grid with a halo of receptive_field gives, inside, what the whole image gives."""
    net, t, m = shaken(UNEVEN), torch.tensor([30.0]), UNEVEN.multiple_of
    halo = -(-UNEVEN.receptive_field // m) * m
    x = batch(1, 3, 14 * m, 2 * m)
    whole = net(x, t)
    for first in range(0, x.shape[2], 2 * m):
        low, high = max(0, first - halo), min(x.shape[2], first + 2 * m + halo)
        tile = net(x[:, :, low:high], t)[:, :, first - low : first - low + 2 * m]
        torch.testing.assert_close(tile, whole[:, :, first : first + 2 * m], atol=1e-5, rtol=0)


def test_a_tile_without_halo_differs():
    """The check above can fail: with no halo the tile's edge is wrong."""
    net, t, x = shaken(UNEVEN), torch.tensor([30.0]), batch(1, 3, 32, 16)
    assert (net(x[:, :, :16], t) - net(x, t)[:, :, :16]).abs().max() > 1e-3


def test_gradients_reach_every_parameter():
    """Nothing in the network is idle."""
    net = shaken(UNEVEN)
    net(batch(2, 3, 16, 16), torch.tensor([0.1, 900.0])).square().sum().backward()
    idle = [name for name, parameter in net.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert idle == []


def test_channels_last_is_kept_throughout():
    """No module that works on images turns a channels_last batch back."""
    net = shaken(SMALL).to(memory_format=torch.channels_last)
    lost: list[str] = []

    def watch(module: nn.Module, _: object, output: Tensor) -> None:
        if not output.is_contiguous(memory_format=torch.channels_last):
            lost.append(type(module).__name__)

    for module in net.modules():
        if isinstance(module, nn.Conv2d) or hasattr(module, "depthwise"):
            module.register_forward_hook(watch)
    out = net(batch(2, 3, 16, 16).to(memory_format=torch.channels_last), torch.tensor([1.0, 2.0]))
    assert lost == []
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_time_changes_the_output():
    """One image at two times gives two outputs, also at the low end where nodes lie close."""
    net, x = shaken(SMALL), batch(1, 3, 16, 16)
    low, next_, high = (net(x, torch.tensor([t])) for t in (0.1, 1.1, 1000.0))
    assert (low - next_).abs().max() > 1e-3
    assert (low - high).abs().max() > 1e-3


def test_learns():
    """A few steps lower the loss, so training leaves the zero start."""
    torch.manual_seed(0)
    net, x, t = SMALL.build(3, 3), batch(4, 3, 16, 16).float(), torch.tensor([1.0, 10.0, 100.0, 1000.0])
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = (net(x, t) - x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_options_are_a_value():
    """The dataclass pickles, compares and hashes."""
    assert pickle.loads(pickle.dumps(UNEVEN)) == UNEVEN
    assert hash(Compact()) == hash(Compact(width=16))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"width": 0}, "width is 0; take 1 to 4096"),
        ({"time_dim": 7}, "time_dim is 7; take an even number"),
        ({"time_dim": 2}, "time_dim is 2; take an even number"),
        ({"encoder": (1, 1)}, "encoder has 2 levels and decoder 4; give both"),
        ({"encoder": (), "decoder": ()}, "at least one level"),
        ({"encoder": (1, -1), "decoder": (1, 1)}, "0 to 1000 a level"),
        ({"middle": -1}, "0 to 1000 a level"),
        ({"middle": 10**20}, "0 to 1000 a level"),
        ({"encoder": (10**20,), "decoder": (1,)}, "0 to 1000 a level"),
        ({"width": 10**20}, "width is 1000"),
        ({"time_dim": 10**20}, "from 4 to 8192"),
    ],
)
def test_wrong_options_say_what_to_type(options, says):
    """A mistake in the recipe is an i2sbkit.Error with the remedy."""
    with pytest.raises(i2sbkit.Error, match=says):
        Compact(**options)


def test_is_registered_as_compact():
    """The plugin's hook names the backbone `compact`."""
    from i2sbkit_plugins import compact

    assert compact.backbones() == {"compact": Compact}
