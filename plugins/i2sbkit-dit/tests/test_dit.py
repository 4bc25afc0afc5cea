"""What `dit` promises. Run where it is installed: pip install -e . pytest && pytest"""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from i2sbkit_dit import Dit, rotated, rotation
from PIL import Image

import i2sbkit
from i2sbkit.testing import check_backbone

RECIPE = Path(__file__).parent.parent / "recipes" / "dit.toml"
SMALL = {"width": 24, "depth": 2, "heads": 3}


def shaken(options, seed=0):
    """A network that is not the zero function any more."""
    torch.manual_seed(seed)
    net = options.build(3, 3)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return net


@pytest.mark.parametrize("options", [SMALL, {**SMALL, "patch": 1, "heads": 2}, {**SMALL, "patch": 8, "depth": 1}])
def test_it_keeps_what_a_backbone_promises(options):
    """Shapes, gradients, batches, recipes, worker processes: all that i2sbkit asks of one."""
    check_backbone(Dit(**options))


def test_it_begins_as_zero():
    """adaLN-Zero: the last layer gives nothing, and every block is the identity."""
    net = Dit(**SMALL).build(3, 3)
    assert not net(torch.randn(1, 3, 8, 12), torch.ones(1)).any()
    tokens = torch.randn(1, 6, 24)
    for block in net.blocks:
        assert torch.equal(block(tokens, torch.randn(1, 24), rotation(2, 3, 8, tokens)), tokens)


def test_only_distances_count():
    """Turned queries and keys have the same product wherever the two tokens stand, and another at another distance."""
    turn = rotation(6, 7, 16, torch.zeros(1))
    q, k = torch.randn(2, 1, 1, 42, 16)
    q, k = (x[:, :, :1].expand(1, 1, 42, 16) for x in (q, k))  # the same vector at every place
    products = (rotated(q, turn) @ rotated(k, turn).mT).reshape(6, 7, 6, 7)
    for down, right in [(0, 0), (1, 0), (0, 2), (3, 1)]:
        found = products[range(3), 2, [row + down for row in range(3)], 2 + right]
        assert torch.allclose(found, found[0].expand(3), atol=1e-4)
    assert not torch.allclose(products[0, 0, 0, 1], products[0, 0, 1, 0])


def test_a_patch_sees_all_others():
    """A change in one corner is felt in the opposite one."""
    net, x = shaken(Dit(**SMALL)), torch.zeros(1, 3, 16, 24)
    other = x.clone()
    other[..., 0, 0] = 1
    different = (net(x, torch.ones(1)) != net(other, torch.ones(1)))[0].any(dim=0)
    assert different[-1, -1]


def test_a_picture_that_repeats_gives_one_that_does():
    """Nothing but what stands around a patch tells patches apart: of equal ones none is another."""
    net = shaken(Dit(**SMALL))
    found = net(torch.randn(1, 3, 4, 4).repeat(1, 1, 3, 5), torch.ones(1))
    assert torch.allclose(found, found[..., :4, :4].repeat(1, 1, 3, 5), atol=1e-4)


def test_xformers_gives_the_same_or_is_refused():
    """Where xformers runs it gives the numbers of SDPA; else `check_device` says why it does not."""
    options = Dit(**SMALL, attention="xformers")
    with pytest.raises(i2sbkit.Error, match='attention = "xformers" cannot run on cpu'):
        options.check_device(torch.device("cpu"))
    x, t = torch.randn(1, 3, 8, 8), torch.ones(1)
    assert torch.allclose(shaken(options)(x, t), shaken(Dit(**SMALL))(x, t), atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 0}, "patch must be at least 1, got 0"),
        ({"heads": 0}, "heads must be at least 1, got 0"),
        ({"width": 190}, "width must be a multiple of 4 x heads, 12, .*, got 190"),
        ({"attention": "flash"}, "attention must be .*, got 'flash'"),
    ],
)
def test_wrong_options_are_told(options, message):
    """Which option, what it may be, and what it was."""
    with pytest.raises(i2sbkit.Error, match=f"backbone 'dit': {message}"):
        i2sbkit.registry.build("backbone", "dit", **options)


def test_its_recipe_is_valid(tmp_path):
    """`i2sbkit recipes check` finds nothing wrong, given a folder of pictures."""
    Image.new("RGB", (80, 80), "teal").save(tmp_path / "teal.png")
    command = [sys.executable, "-m", "i2sbkit", "recipes", "check", str(RECIPE), "--set", f"data.train={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
