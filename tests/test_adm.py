"""The backbone `adm`: the paper's network to the name, and what it promises to training and restoring."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from stand_in_xformers import by_sdpa, stand_in
from torch import nn

import i2sbkit
from i2sbkit_plugins import adm
from i2sbkit_plugins.adm import Adm

SMALL = {"image_size": 16, "model_channels": 32, "channel_mult": (1, 2), "num_res_blocks": 1}
SMALL |= {"attention_resolutions": (8,), "num_head_channels": 16}
SHAPES = Path(__file__).parent / "golden" / "adm256_uncond_shapes.json"


def shaken(in_channels=3, dtype=torch.float64, **options):
    """A small network whose every parameter is random: as built, it gives 0 everywhere."""
    generator = torch.Generator().manual_seed(0)
    net = Adm(**SMALL, **options).build(in_channels, 3)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.1, generator=generator)
    return net.to(dtype)


def batch(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def test_parameters_are_those_of_the_256x256_network():
    """Names, shapes and order equal the authors'; 552,807,171 numbers in all, and no buffers."""
    wanted = {name: tuple(shape) for name, shape in json.loads(SHAPES.read_text()).items()}
    with torch.device("meta"):
        net = Adm().build(3, 3)
    assert [(name, tuple(p.shape)) for name, p in net.named_parameters()] == list(wanted.items())
    assert list(net.state_dict()) == list(wanted)
    assert sum(parameter.numel() for parameter in net.parameters()) == 552_807_171


def test_seeing_x1_doubles_the_input_alone():
    """With six channels in, only the first convolution is another."""
    three, six = ({n: p.shape for n, p in Adm(**SMALL).build(c, 3).named_parameters()} for c in (3, 6))
    assert [name for name in three if three[name] != six[name]] == ["input_blocks.0.0.weight"]


def test_starts_as_the_zero_function():
    """Before training the estimate of x0 is x_n itself."""
    assert not Adm(**SMALL).build(3, 3)(batch(1, 3, 16, 16, dtype=torch.float32), torch.tensor([5.0])).any()


@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 10), (18, 6)])
def test_takes_any_multiple_of_multiple_of(height, width):
    """Pictures need not be image_size; one pixel at the bottom is enough."""
    assert Adm(**SMALL).multiple_of == Adm(**SMALL).min_size == 2
    assert Adm().multiple_of == 32
    out = shaken(6)(batch(2, 6, height, width), torch.tensor([0.1, 1000.0]))
    assert out.shape == (2, 3, height, width)
    assert out.isfinite().all()


def test_images_of_a_batch_do_not_see_each_other():
    """An image gives the same alone as in a batch, each with its own time."""
    net, x, t = shaken(), batch(3, 3, 16, 16), torch.tensor([0.1, 30.0, 1000.0])
    together = net(x, t)
    assert (together[0] - net(x[:1], t[1:2])[0]).abs().max() > 1e-3, "the time counts"
    for i in range(3):
        torch.testing.assert_close(net(x[i : i + 1], t[i : i + 1]), together[i : i + 1], atol=1e-9, rtol=0)


def test_channels_last_is_kept_throughout():
    """No block turns a channels_last batch back, and the numbers are the same."""
    net, x, t = shaken(dtype=torch.float32), batch(2, 3, 16, 16, dtype=torch.float32), torch.tensor([1.0, 2.0])
    plain, lost = net(x, t), []

    def watch(module, _, output):
        if not output.is_contiguous(memory_format=torch.channels_last):
            lost.append(type(module).__name__)

    for module in net.to(memory_format=torch.channels_last).modules():
        if isinstance(module, nn.Conv2d | nn.GroupNorm) or hasattr(module, "again"):
            module.register_forward_hook(watch)
    torch.testing.assert_close(net(x.contiguous(memory_format=torch.channels_last), t), plain, atol=1e-4, rtol=1e-4)
    assert lost == []


def test_attention_stands_where_it_is_asked_for():
    """At the sizes of attention_resolutions and at the bottom, with channels / num_head_channels heads each."""
    net = Adm(**{**SMALL, "attention_resolutions": (16,)}).build(3, 3)
    found = {name: module.heads for name, module in net.named_modules() if isinstance(module, adm.Attention)}
    assert found == {
        "input_blocks.1.1": 2,
        "middle_block.1": 4,
        "output_blocks.2.1": 2,
        "output_blocks.3.1": 2,
    }


def test_a_level_narrower_than_a_head_has_one():
    """num_head_channels beyond the channels there are is one head of them all."""
    assert Adm(**{**SMALL, "num_head_channels": 512}).build(3, 3).middle_block[1].heads == 1


def test_every_backend_of_attention_gives_the_same(monkeypatch):
    """The option reaches every attention; with a stand-in for xformers the network's output is that of SDPA."""
    calls = []

    def count(q, k, v):
        calls.append(q.shape)
        return by_sdpa(q, k, v)

    x, t = batch(1, 3, 16, 16), torch.tensor([30.0])
    wanted = shaken()(x, t)
    stand_in(monkeypatch, count)
    torch.testing.assert_close(shaken(attention="xformers")(x, t), wanted, atol=1e-9, rtol=0)
    assert calls[1:] == [(1, 64, 4, 16)] * 4, "after the trial: (B, tokens, heads, channels)"
    shaken(attention="sdpa")(x, t)
    assert len(calls) == 5


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_activation_checkpointing_changes_no_gradient(dropout):
    """Blocks computed again give the gradients of blocks that were kept, their dropout drawn as the first time."""
    x, t, gradients = batch(2, 3, 16, 16), torch.tensor([3.0, 300.0]), []
    for again in (False, True):
        net = shaken(dropout=dropout, checkpoint_activations=again).train()
        torch.manual_seed(5)
        net(x, t).square().sum().backward()
        gradients.append([parameter.grad for parameter in net.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=1e-9)


def test_activation_checkpointing_keeps_less():
    """What lies between forward and backward pass is less than half."""
    kept = []
    for again in (False, True):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, s=sizes: s.append(x.numel()) or x, lambda x: x):
            shaken(checkpoint_activations=again)(batch(2, 3, 16, 16), torch.tensor([3.0, 300.0]))
        kept.append(sum(sizes))
    assert kept[1] < 0.5 * kept[0]


def test_options_are_a_value():
    """The dataclass pickles, compares and hashes; the hook names it `adm`."""
    assert pickle.loads(pickle.dumps(Adm(**SMALL))) == Adm(**SMALL)
    assert hash(Adm()) == hash(Adm(image_size=256))
    assert adm.backbones() == {"adm": Adm}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model_channels": 40}, "model_channels is 40; set it to a multiple of 32"),
        ({"channel_mult": ()}, "channel_mult must hold whole numbers from 1"),
        ({"channel_mult": (1, 0)}, "channel_mult must hold whole numbers from 1"),
        ({"num_res_blocks": 0}, "num_res_blocks is 0; set it to 1 or more"),
        ({"image_size": 100}, "image_size is 100; with 6 levels in channel_mult it must be a multiple of 32"),
        ({"attention_resolutions": (32, 12)}, "has 12; the levels of this network are 256, 128, 64, 32, 16, 8"),
        ({"num_head_channels": 48}, "num_head_channels is 48, which does not divide the 512 channels at size 32"),
        ({"num_head_channels": 0}, "num_head_channels is 0; set it to 1 or more"),
        ({"dropout": 1.0}, "dropout is 1.0; set it to 0 or more and less than 1"),
        ({"attention": "flash"}, 'attention is \'flash\'; it can be "auto", "sdpa" or "xformers"'),
    ],
)
def test_wrong_options_say_what_to_type(options, says):
    """A mistake in the recipe is an i2sbkit.Error with the remedy."""
    with pytest.raises(i2sbkit.Error, match=says):
        Adm(**options)
