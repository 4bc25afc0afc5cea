"""The smooth filling of holes, and the corruption `inpaint` that begins with it."""

import pytest
import torch
from exact import images
from hypothesis import given, settings
from hypothesis import strategies as st

from i2sbkit import Error, Observation
from i2sbkit_plugins.inpaint import Inpaint
from i2sbkit_plugins.membrane import membrane

CALM = settings(deadline=None, derandomize=True, max_examples=25)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def solved(image, mask):
    """Laplace's equation as a dense system: each missing pixel is the mean of the neighbours that it has."""
    height, width = mask.shape[1:]
    missing = mask[0].flatten() > 0
    system, right = torch.eye(height * width, dtype=torch.float64), image.double().flatten(1).clone()
    for place in torch.nonzero(missing).flatten().tolist():
        row, column = divmod(place, width)
        beside = [
            (row + down) * width + column + along
            for down, along in ((-1, 0), (1, 0), (0, -1), (0, 1))
            if 0 <= row + down < height and 0 <= column + along < width
        ]
        system[place, beside] = -1 / len(beside)
        right[:, place] = 0
    return torch.linalg.solve(system, right.T).T.reshape(image.shape)


@pytest.mark.parametrize("shape", ["center", "box", "freeform"])
def test_the_filling_solves_laplaces_equation(shape):
    """Within 1 % of the range of the values (rms) of a direct solution; without its sweeps it is not."""
    smooth = torch.nn.functional.interpolate(images(3, 6, 6, dtype=torch.float32)[None], (48, 40), mode="bicubic")[0]
    mask = Inpaint(shape=shape, ratio=0.2).draw_mask(48, 40, rng(3))
    filled, exact = membrane(smooth, mask), solved(smooth, mask)
    hole = mask.bool().expand_as(smooth)
    assert float((filled - exact)[hole].square().mean().sqrt()) < 0.01 * float(smooth.max() - smooth.min())


@CALM
@given(height=st.integers(3, 70), width=st.integers(3, 70), seed=st.integers(0, 10**6), value=st.floats(-1, 1))
def test_what_is_constant_is_filled_with_itself_at_any_size(height, width, seed, value):
    """And what the holes held does not matter, NaN included."""
    mask = Inpaint(shape="freeform", ratio=(0.1, 0.6)).draw_mask(height, width, rng(seed))
    image = torch.where(mask > 0, torch.nan, torch.full((3, height, width), value))
    torch.testing.assert_close(membrane(image, mask), torch.full_like(image, value), atol=1e-5, rtol=0)


def test_a_slope_goes_on_through_a_hole():
    """A linear function solves the equation, so it comes back."""
    slope = torch.linspace(-1, 1, 64).expand(1, 64, 64)
    mask = torch.zeros(1, 64, 64)
    mask[:, 20:40, 15:50] = 1
    torch.testing.assert_close(membrane(torch.where(mask > 0, 5.0, slope), mask), slope, atol=0.02, rtol=0)


def test_known_pixels_stay_bit_for_bit():
    x0 = images(3, 33, 21, dtype=torch.float32)
    mask = Inpaint(shape="freeform", ratio=0.3).draw_mask(33, 21, rng())
    known = (mask == 0).expand_as(x0)
    assert torch.equal(membrane(x0, mask)[known], x0[known])


@pytest.mark.parametrize("share", [0, 1])
def test_without_a_hole_nothing_changes_and_without_a_picture_all_is_zero(share):
    x0 = images(3, 16, 16, dtype=torch.float32)
    assert torch.equal(membrane(x0, torch.full((1, 16, 16), float(share))), x0 * (1 - share))


def test_a_lifted_hole_is_the_filling_and_noise():
    """N(membrane, noise^2) in the holes, the picture elsewhere; much nearer to the picture than the paper's noise."""
    x0 = torch.nn.functional.interpolate(images(3, 8, 8, dtype=torch.float32)[None], (96, 96), mode="bicubic")[0] / 3
    corruption = Inpaint(shape="freeform", ratio=0.2, fill="membrane", noise=0.25)
    y = corruption.corrupt(x0, rng())
    lifted, hole = corruption.lift(y, rng(1)), y.mask.bool().expand_as(x0)
    assert torch.equal(lifted[~hole], x0[~hole])
    rest = (lifted - membrane(y.image, y.mask))[hole]
    assert float(rest.std()) == pytest.approx(0.25, rel=0.1)
    flat = Inpaint(shape="freeform", ratio=0.2).lift(y, rng(1))
    assert float((lifted - x0).square().mean()) < 0.2 * float((flat - x0).square().mean())


def test_what_holes_hold_never_reaches_the_lifted_picture():
    """White, transparent or with the hidden truth in them: x1 is the same."""
    x0 = images(3, 32, 32, dtype=torch.float32)
    corruption = Inpaint(fill="membrane", noise=0.1)
    y = corruption.corrupt(x0, rng())
    assert torch.equal(corruption.lift(y, rng(2)), corruption.lift(Observation(x0, y.mask), rng(2)))


@pytest.mark.parametrize(("options", "words"), [({"fill": "soap"}, "fill must be"), ({"noise": 0.0}, "above 0")])
def test_wrong_options_are_named(options, words):
    with pytest.raises(Error, match=words):
        Inpaint(**options)
