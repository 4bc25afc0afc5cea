"""Backbones that break a promise each: `check_backbone` says which."""

import copy
from dataclasses import dataclass, field

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from i2sbkit import Backbone, Error
from i2sbkit.testing import BrokenPromise, backbone, check_backbone, reach, values
from i2sbkit.testing.promises import promise_of

CHECKS = {backbone.says_what_it_needs, backbone.asks_of_a_device}
CHECKS |= {*backbone.SHAPES, *backbone.ALONE, *backbone.TRAINED, *reach.REACH}


class Net(nn.Module):
    """Two convolutions that see the time as one more channel."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.last = nn.Conv2d(inputs + 1, 8, 3, padding=1), nn.Conv2d(8, outputs, 3, padding=1)

    def forward(self, x, t):
        time = (t / 1000).reshape(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
        return self.after(self.last(F.silu(self.first(torch.cat([x, time], dim=1)))))

    def after(self, y):
        return y


@dataclass(frozen=True)
class Sound(Backbone):
    receptive_field = 2
    net = Net

    def build(self, in_channels, out_channels):
        return self.net(in_channels, out_channels)


def of(net, **needs):
    """A backbone of this network, whose class can be pickled by its name here."""
    name = f"{net.__name__}{len(globals())}"
    made = dataclass(frozen=True)(type(name, (Sound,), {"net": net, "__module__": __name__, **needs}))
    globals()[name] = made
    return made()


class Plain(Backbone):
    def build(self, in_channels, out_channels):
        return Net(in_channels, out_channels)


@dataclass(frozen=True)
class Unwritable(Sound):
    widths: tuple[int, ...] = field(default=(1, "2"))


class NoMultiple(Sound):
    multiple_of = 0


class Refusing(Sound):
    def check_device(self, device):
        raise Error('attention = "odd" cannot run on cpu')


class Talking(Sound):
    def check_device(self, device):
        return "no"


class Crashing(Sound):
    def check_device(self, device):
        raise RuntimeError("no such device")


class Half(Net):
    def after(self, y):
        return y.half()


class Small(Net):
    def after(self, y):
        return y[..., 1:]


class Endless(Net):
    def after(self, y):
        return y / torch.zeros(())


class Picky(Net):
    def after(self, y):
        assert y.shape[-1] == y.shape[-2] + 1
        return y


class Scribbling(Net):
    def forward(self, x, t):
        return super().forward(x.mul_(0.5), t)


class Reading(Net):
    """Reads memory in the order that it lies in."""

    def forward(self, x, t):
        lying = x.permute(0, 2, 3, 1).reshape(x.shape) if x.is_contiguous(memory_format=torch.channels_last) else x
        return super().forward(lying, t)


class Batched(Net):
    def after(self, y):
        return y - y.mean(dim=0, keepdim=True)


class Dropping(Net):
    def after(self, y):
        return F.dropout(y, 0.5)


class Rounding(Net):
    def forward(self, x, t):
        torch.manual_seed(0)
        return super().forward(x, t)


class Settings(Sound):
    def build(self, in_channels, out_channels):
        torch.set_num_threads(torch.get_num_threads() + 1)
        return super().build(in_channels, out_channels)


class Cached(Sound):
    cache = {}  # noqa: RUF012 - the fault

    def build(self, in_channels, out_channels):
        return self.cache.setdefault(in_channels, super().build(in_channels, out_channels))


class Sharing(Sound):
    shared = nn.Conv2d(8, 3, 3, padding=1)

    def build(self, in_channels, out_channels):
        net = super().build(in_channels, out_channels)
        net.last = self.shared
        return net


class Unseeded(Sound):
    def build(self, in_channels, out_channels):
        net = super().build(in_channels, out_channels)
        nn.init.normal_(net.first.weight, generator=torch.Generator().manual_seed(torch.Generator().seed() % 2**31))
        return net


class Hidden(Net):
    """What decides of its output is not among its weights."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.hidden = torch.randn(1)

    def after(self, y):
        return y * self.hidden


class Tied(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.again = self.first


class Unused(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.unused = nn.Linear(2, 2)


class Severed(Net):
    def after(self, y):
        return y.detach() + self.first.weight.sum() * 0 + self.first.bias.sum() * 0


class Blown(Net):
    def after(self, y):
        return y + 0 * (self.last.weight.sum() * 0).sqrt()


class Wide(Net):
    def after(self, y):
        return F.avg_pool2d(y, 5, 1, 2)


class Placed(Net):
    def after(self, y):
        return y + torch.linspace(0, 1, y.shape[-1])


BROKEN = [
    (values.is_frozen, Plain()),
    (values.survives_toml, Unwritable()),
    (backbone.says_what_it_needs, NoMultiple()),
    (backbone.asks_of_a_device, Talking()),
    (backbone.asks_of_a_device, Crashing()),
    (backbone.gives_a_picture, of(Half)),
    (backbone.gives_a_picture, of(Small)),
    (backbone.gives_a_picture, of(Endless)),
    (backbone.gives_a_picture, of(Picky)),
    (backbone.leaves_its_input, of(Scribbling)),
    (backbone.minds_no_layout, of(Reading)),
    (backbone.keeps_images_apart, of(Batched)),
    (backbone.keeps_images_apart, of(Dropping)),
    (backbone.works_quietly, of(Rounding)),
    (backbone.works_quietly, Settings()),
    (backbone.names_once, of(Tied)),
    (backbone.builds_again, Sharing()),
    (backbone.builds_again, Unseeded()),
    (backbone.builds_again, of(Hidden)),
    (backbone.learns, of(Unused)),
    (backbone.learns, of(Severed)),
    (backbone.learns, of(Blown)),
    (reach.sees_as_far_as_it_says, of(Wide)),
    (reach.knows_no_place, of(Placed)),
]


@pytest.mark.parametrize("part", [Sound(), Refusing(), of(Wide, receptive_field=4), of(Placed, receptive_field=None)])
def test_a_sound_backbone_passes(part):
    """What the broken ones are made from breaks nothing; nor does one that a device does not suit."""
    check_backbone(copy.deepcopy(part))


def test_every_promise_is_broken_by_one():
    """No check that cannot fail."""
    assert {check for check, _ in BROKEN} >= CHECKS


@pytest.mark.parametrize(("check", "part"), BROKEN, ids=lambda value: getattr(value, "__name__", type(value).__name__))
def test_a_broken_promise_is_named(check, part):
    """It is the one that this backbone breaks."""
    threads = torch.get_num_threads()
    try:
        with pytest.raises(BrokenPromise) as caught:
            check_backbone(part)
    finally:
        torch.set_num_threads(threads)
    assert caught.value.promise == promise_of(check)
