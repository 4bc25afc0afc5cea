"""What `plain` promises. Run where it is installed: pip install -e . pytest && pytest"""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from i2sbkit_plain import Plain
from PIL import Image

import i2sbkit
from i2sbkit.testing import check_backbone

RECIPE = Path(__file__).parent.parent / "recipes" / "plain.toml"


@pytest.mark.parametrize("options", [{"width": 4}, {"width": 4, "depth": 5}])
def test_it_keeps_what_a_backbone_promises(options):
    """Shapes, gradients, batches, how far it sees, recipes, worker processes: all that i2sbkit asks of one."""
    check_backbone(Plain(**options))


def test_it_begins_as_a_constant():
    """Before it has learned anything every picture is answered alike."""
    net = Plain(width=4).build(6, 3)
    x = torch.randn(2, 6, 5, 7)
    assert net(x, torch.ones(2)).flatten(2).std(dim=2).max() == 0


def test_it_counts_its_convolutions():
    """Each lets it see a pixel further."""
    net = Plain(width=4, depth=5).build(3, 3)
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in net.modules()) == Plain(depth=5).receptive_field == 5


@pytest.mark.parametrize("options", [{"width": 0}, {"depth": 1}])
def test_wrong_options_are_told(options):
    """Which option, what it may be, and what it was."""
    with pytest.raises(i2sbkit.Error, match=r"backbone 'plain': width must be at least 1 and depth .*, got .*"):
        i2sbkit.registry.build("backbone", "plain", **options)


def test_its_recipe_is_valid(tmp_path):
    """`i2sbkit recipes check` finds nothing wrong, given a folder of pictures."""
    Image.new("RGB", (80, 80), "teal").save(tmp_path / "teal.png")
    command = [sys.executable, "-m", "i2sbkit", "recipes", "check", str(RECIPE), "--set", f"data.train={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
