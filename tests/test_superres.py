"""The corruption `superres`."""

import numpy as np
import pytest
import torch
from exact import images
from pictures import photo
from PIL import Image

import i2sbkit
from i2sbkit import Error
from i2sbkit_plugins.superres import Superres


def rng():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("filter", ["pool", "bicubic"])
@pytest.mark.parametrize("scale", [2, 3, 4, 5, 8])
def test_any_whole_scale(scale, filter):
    """The observation is `scale` times smaller, its lift as large as the picture, each pixel repeated."""
    corruption = Superres(scale=scale, filter=filter)
    x0 = images(3, 3 * scale, 5 * scale, dtype=torch.float32)
    y = corruption.corrupt(x0, rng())
    assert y.image.shape == (3, 3, 5)
    lifted = corruption.lift(y, rng())
    assert lifted.shape == x0.shape
    assert torch.equal(lifted[:, scale - 1 :: scale, ::scale], y.image)


def test_pool_is_the_mean():
    """Of each square of scale x scale pixels."""
    x0 = images(3, 8, 12)
    y = Superres(scale=4, filter="pool").corrupt(x0, rng()).image
    assert float(y[1, 1, 2]) == pytest.approx(float(x0[1, 4:8, 8:12].mean()))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_is_pillows_inside(scale):
    """Away from the borders, where Pillow weighs differently: the same filter, before rounding to 8 bits."""
    image = photo(24 * scale, 20 * scale)
    ours = Superres(scale=scale).corrupt(i2sbkit.from_pil(image), rng()).image
    theirs = i2sbkit.from_pil(image.resize((24, 20), Image.Resampling.BICUBIC))
    inside = (slice(None), slice(2, -2), slice(2, -2))
    assert float((ours[inside].clamp(-1, 1) - theirs[inside]).abs().max()) < 1.6 / 127.5


def test_flat_pictures_stay_flat():
    """Both filters weigh to 1, at the borders too."""
    for filter in ("pool", "bicubic"):
        y = Superres(scale=3, filter=filter).corrupt(torch.full((3, 9, 6), -0.4), rng()).image
        torch.testing.assert_close(y, torch.full((3, 3, 2), -0.4))


def test_sizes_that_do_not_divide_are_cropped_and_it_is_said():
    """The right and bottom go, with a warning that names both sizes."""
    x0 = images(3, 11, 14, dtype=torch.float32)
    corruption = Superres(scale=4)
    with pytest.warns(UserWarning, match="14x11 is cropped to 12x8, multiples of 4"):
        y = corruption.corrupt(x0, rng())
    assert torch.equal(y.image, corruption.corrupt(x0[:, :8, :12], rng()).image)


def test_a_picture_smaller_than_the_scale_is_told():
    """There is nothing left of it."""
    with pytest.raises(Error, match="5x3 is too small to be made 4 times smaller"):
        Superres(scale=4).corrupt(torch.zeros(3, 3, 5), rng())


@pytest.mark.parametrize(("options", "says"), [({"scale": 1}, "at least 2"), ({"filter": "lanczos"}, '"pool"')])
def test_wrong_options_are_told(options, says):
    """What they may be is said."""
    with pytest.raises(Error, match=says):
        Superres(**options)


def test_tiny_pictures_are_mirrored_more_than_once():
    """A picture of one output pixel meets taps that reach over it several times."""
    y = Superres(scale=4).corrupt(torch.from_numpy(np.full((3, 4, 4), 0.5, np.float32)), rng()).image
    torch.testing.assert_close(y, torch.full((3, 1, 1), 0.5))
