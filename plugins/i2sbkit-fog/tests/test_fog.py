"""What `fog` promises. Run where it is installed: pip install -e . && pytest"""

import subprocess
import sys
from math import log
from pathlib import Path

import pytest
import torch
from i2sbkit_fog import Fog
from PIL import Image

import i2sbkit

RECIPE = Path(__file__).parent.parent / "recipes" / "fog.toml"


def picture(height=17, width=24):
    """A clean image (3, H, W) from -1 to 1."""
    return torch.linspace(-1, 1, 3 * height * width).reshape(3, height, width)


def foggy(x0, **options):
    """x0 in fog."""
    return Fog(**options).corrupt(x0, torch.Generator().manual_seed(0)).image


def test_formula():
    """Koschmieder's law, worked out by hand: half of the light arrives, half is the fog's."""
    x0 = torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1)
    y = foggy(x0, density=log(2), airlight=0.6)
    assert y.flatten().tolist() == pytest.approx([-0.2, 0.3, 0.8])


def test_no_fog_and_nothing_but_fog():
    """Density 0 changes nothing; in endless fog only its colour is left."""
    x0 = picture()
    assert torch.equal(foggy(x0, density=0.0), x0)
    assert torch.allclose(foggy(x0, density=100.0, airlight=-0.3), torch.full_like(x0, -0.3))


@pytest.mark.parametrize("airlight", [-1.0, 0.8, 1.0])
@pytest.mark.parametrize("density", [0.1, 0.7, 3.0])
def test_shape_type_and_range(density, airlight):
    """An observation is float32, of the size of the clean image, in [-1, 1], and has no holes."""
    x0 = picture()
    y = Fog(density=density, airlight=airlight).corrupt(x0, torch.Generator())
    assert (y.image.shape, y.image.dtype, y.mask) == (x0.shape, torch.float32, None)
    assert y.image.abs().max() <= 1


def test_the_same_seed_gives_the_same_picture():
    """And the clean image is left as it was."""
    x0, before = picture(), picture()
    assert torch.equal(foggy(x0), foggy(x0))
    assert torch.equal(x0, before)


def test_lift_has_the_size_of_the_clean_image():
    """The bridge ends at the foggy picture itself."""
    fog, rng, x0 = Fog(), torch.Generator().manual_seed(0), picture()
    y = fog.corrupt(x0, rng)
    assert fog.lift(y, rng).shape == x0.shape
    assert torch.equal(fog.lift(y, rng), y.image)


def test_it_has_no_operator():
    """It is affine: what asks for a linear map is told so."""
    fog = Fog()
    with pytest.raises(i2sbkit.NotLinear):
        fog.operator(fog.corrupt(picture(), torch.Generator()))


@pytest.mark.parametrize("options", [{"density": -0.1}, {"density": float("nan")}, {"airlight": 1.5}])
def test_wrong_options_are_told(options):
    """Which option, what it may be, and what it was."""
    (name, value) = next(iter(options.items()))
    with pytest.raises(i2sbkit.Error, match=f"corruption 'fog': {name} must be .*, got {value}"):
        i2sbkit.registry.build("corruption", "fog", **options)


def test_its_recipe_is_valid(tmp_path):
    """`i2sbkit recipes check` finds nothing wrong, given a folder of pictures."""
    Image.new("RGB", (80, 80), "teal").save(tmp_path / "teal.png")
    command = [sys.executable, "-m", "i2sbkit", "recipes", "check", str(RECIPE), "--set", f"data.train={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
