"""What `settle` promises. Run where it is installed: pip install -e . pytest && pytest"""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from i2sbkit_settle import Settle
from PIL import Image

import i2sbkit
from i2sbkit.testing import check_sampler

RECIPE = Path(__file__).parent.parent / "recipes" / "settle.toml"


@pytest.mark.parametrize("options", [{"nfe": 5}, {"nfe": 1}, {"nfe": 6, "share": 1.0}, {"nfe": 6, "share": 0.0}])
def test_it_keeps_what_a_sampler_promises(options):
    """Nodes, evaluations, seeds, convergence, recipes, worker processes: all that i2sbkit asks of one."""
    check_sampler(Settle(**options))


@pytest.mark.parametrize(("share", "name", "options"), [(0.0, "sde", {}), (1.0, "dbim", {"eta": 0.0})])
def test_at_its_ends_it_is_a_sampler_of_i2sbkit(share, name, options):
    """With fresh noise everywhere it is `sde`, with none `dbim`."""
    bridge, x1 = i2sbkit.Bridge(i2sbkit.registry.build("schedule", "i2sb", beta_max=0.3)), torch.rand(2, 3, 4, 4)
    other = i2sbkit.registry.build("sampler", name, nfe=7, **options)
    *_, ours = Settle(nfe=7, share=share).sample(lambda x, n: 0.5 * x, bridge, x1, i2sbkit.Rng([1, 2]))
    *_, theirs = other.sample(lambda x, n: 0.5 * x, bridge, x1, i2sbkit.Rng([1, 2]))
    assert torch.equal(ours.x, theirs.x)


@pytest.mark.parametrize("options", [{"nfe": 0}, {"nfe": 5, "share": 1.5}, {"nfe": 5, "share": float("nan")}])
def test_wrong_options_are_told(options):
    """Which option, what it may be, and what it was."""
    with pytest.raises(i2sbkit.Error, match=r"sampler 'settle': (nfe|share) must be .*, got .*"):
        i2sbkit.registry.build("sampler", "settle", **options)


def test_its_recipe_is_valid(tmp_path):
    """`i2sbkit recipes check` finds nothing wrong, given a folder of pictures."""
    Image.new("RGB", (80, 80), "teal").save(tmp_path / "teal.png")
    command = [sys.executable, "-m", "i2sbkit", "recipes", "check", str(RECIPE), "--set", f"data.train={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
