"""What `fog` promises. Run where it is installed: pip install -e . pytest && pytest"""

import subprocess
import sys
from math import log
from pathlib import Path

import pytest
import torch
from i2sbkit_fog import Fog
from PIL import Image

import i2sbkit
from i2sbkit.testing import check_corruption

RECIPE = Path(__file__).parent.parent / "recipes" / "fog.toml"


def foggy(x0, **options):
    """What is observed of x0."""
    return Fog(**options).corrupt(x0, torch.Generator().manual_seed(0)).image


@pytest.mark.parametrize("options", [{}, {"density": 0.0}, {"density": 3.0, "airlight": -1.0}])
def test_it_keeps_what_a_corruption_promises(options):
    """Shapes, ranges, seeds, recipes, worker processes: all that i2sbkit asks of one."""
    check_corruption(Fog(**options))


def test_formula():
    """Koschmieder's law, worked out by hand: half of the light arrives, half is the air's."""
    x0 = torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1)
    y = foggy(x0, density=log(2), airlight=0.6)
    assert y.flatten().tolist() == pytest.approx([-0.2, 0.3, 0.8])


def test_clear_air_and_nothing_but_haze():
    """Density 0 changes nothing; where it is endless only the airlight is left."""
    x0 = torch.linspace(-1, 1, 30).reshape(3, 2, 5)
    assert torch.equal(foggy(x0, density=0.0), x0)
    assert torch.allclose(foggy(x0, density=20.0, airlight=-0.3), torch.full_like(x0, -0.3))


def test_its_operator_undoes_it():
    """What was observed, less the airlight, leads back to the clean picture."""
    x0 = torch.linspace(-1, 1, 30).reshape(3, 2, 5)
    operator = Fog().operator(i2sbkit.Observation(foggy(x0)))
    assert torch.allclose(operator.pinv(foggy(x0) - operator.offset), x0, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"density": -0.1}, {"density": float("nan")}, {"density": 21.0}, {"airlight": 1.5}]
)
def test_wrong_options_are_told(options):
    """Which option, what it may be, and what it was."""
    with pytest.raises(i2sbkit.Error, match=r"corruption 'fog': (density|airlight) must be .*, got .*"):
        i2sbkit.registry.build("corruption", "fog", **options)


def test_its_recipe_is_valid(tmp_path):
    """`i2sbkit recipes check` finds nothing wrong, given a folder of pictures."""
    Image.new("RGB", (80, 80), "teal").save(tmp_path / "teal.png")
    command = [sys.executable, "-m", "i2sbkit", "recipes", "check", str(RECIPE), "--set", f"data.train={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
