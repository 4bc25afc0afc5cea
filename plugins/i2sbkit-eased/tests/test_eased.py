"""What `eased` promises. Run where it is installed: pip install -e . pytest && pytest"""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from i2sbkit_eased import Eased
from PIL import Image

import i2sbkit
from i2sbkit.testing import check_schedule

RECIPE = Path(__file__).parent.parent / "recipes" / "eased.toml"


@pytest.mark.parametrize("options", [{}, {"std": 2.0, "steps": 50}])
def test_it_keeps_what_a_schedule_promises(options):
    """Curves, posterior, labels, recipes, worker processes: all that i2sbkit asks of one."""
    check_schedule(Eased(**options))


def test_it_is_slow_at_both_ends():
    """Half of the way lies in the middle third of the nodes."""
    way = Eased().curves.mean_x1
    assert float(way[667] - way[333]) == pytest.approx(0.5, abs=2e-3)


def test_it_is_pinned():
    """At its ends there is no noise, and nothing of the other end."""
    t = Eased().curves
    ends = [[float(curve[n]) for curve in (t.mean_x0, t.mean_x1, t.std)] for n in (0, -1)]
    assert torch.allclose(torch.tensor(ends), torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), atol=1e-7)


@pytest.mark.parametrize("options", [{"std": 0.0}, {"std": float("nan")}, {"steps": 1}, {"steps": 10**6}])
def test_wrong_options_are_told(options):
    """Which option, what it may be, and what it was."""
    with pytest.raises(i2sbkit.Error, match=r"schedule 'eased': (std|steps) must be .*, got .*"):
        i2sbkit.registry.build("schedule", "eased", **options)


def test_its_recipe_is_valid(tmp_path):
    """`i2sbkit recipes check` finds nothing wrong, given a folder of pictures."""
    Image.new("RGB", (80, 80), "teal").save(tmp_path / "teal.png")
    command = [sys.executable, "-m", "i2sbkit", "recipes", "check", str(RECIPE), "--set", f"data.train={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
