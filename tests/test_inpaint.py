"""The corruption `inpaint`."""

import pytest
import torch
from exact import images
from hypothesis import given, settings
from hypothesis import strategies as st

from i2sbkit import Error, Observation
from i2sbkit_plugins.inpaint import Inpaint, strokes

CALM = settings(deadline=None, derandomize=True, max_examples=40)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def corners(mask):
    """First and last row and column of what is missing."""
    rows, columns = torch.nonzero(mask[0].any(1)).flatten(), torch.nonzero(mask[0].any(0)).flatten()
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


@pytest.mark.parametrize("shape", ["center", "box", "freeform", "any"])
def test_holes_are_white_then_noise(shape):
    """In the observation holes are +1; lifted they are N(0, 1); all else is the picture's, bit for bit."""
    corruption, x0 = Inpaint(shape=shape, ratio=0.3), images(3, 64, 64, dtype=torch.float32)
    y = corruption.corrupt(x0, rng())
    assert y.mask.shape == (1, 64, 64)
    hole = y.mask.bool().expand_as(x0)
    assert bool((y.image[hole] == 1).all())
    lifted = corruption.lift(y, rng(1))
    for image in (y.image, lifted):
        assert torch.equal(image[~hole], x0[~hole])
    noise = lifted[hole]
    assert abs(float(noise.mean())) < 0.1
    assert float(noise.std()) == pytest.approx(1, abs=0.1)


def test_the_centre_is_the_papers():
    """128 x 128 in the middle of 256 x 256."""
    mask = Inpaint().draw_mask(256, 256, rng())
    assert corners(mask) == (64, 192, 64, 192)
    assert int(mask.sum()) == 128 * 128


@pytest.mark.parametrize("band", [(0.05, 0.25), (0.6, 0.9)])
@CALM
@given(height=st.integers(8, 80), width=st.integers(8, 80), seed=st.integers(0, 10**6))
def test_a_box_lies_inside_and_has_the_share_wanted(band, height, width, seed):
    """A rectangle without gaps, anywhere, of about the share drawn."""
    mask = Inpaint(shape="box", ratio=band).draw_mask(height, width, rng(seed))
    top, bottom, left, right = corners(mask)
    assert int(mask.sum()) == (bottom - top) * (right - left)
    slack = (height + width) / (height * width)  # a row and a column more or less
    assert band[0] - slack <= float(mask.mean()) <= band[1] + slack


def test_boxes_are_anywhere():
    """Their corners differ from draw to draw, and reach every border."""
    drawn = [corners(Inpaint(shape="box").draw_mask(16, 16, rng(seed))) for seed in range(80)]
    assert len(set(drawn)) > 30
    tops, bottoms, lefts, rights = zip(*drawn, strict=True)
    assert (min(tops), max(bottoms), min(lefts), max(rights)) == (0, 16, 0, 16)


@pytest.mark.parametrize("band", [(0.1, 0.2), (0.2, 0.3), (0.05, 0.4)])
@CALM
@given(side=st.integers(16, 256), seed=st.integers(0, 10**6))
def test_strokes_meet_their_band_exactly(band, side, seed):
    """The share missing is within the band, whatever the size."""
    mask = Inpaint(shape="freeform", ratio=band).draw_mask(side, side, rng(seed))
    assert band[0] <= float(mask.double().mean()) <= band[1]


def test_strokes_use_the_whole_band():
    """Shares are uniform in it, not at its lower end."""
    corruption = Inpaint(shape="freeform", ratio=(0.1, 0.2))
    shares = torch.tensor([float(corruption.draw_mask(64, 64, rng(seed)).mean()) for seed in range(80)])
    assert float(shares.min()) < 0.11 < 0.19 < float(shares.max())
    assert float(shares.mean()) == pytest.approx(0.15, abs=0.01)


@CALM
@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_strokes_cover_the_count_to_the_pixel(height, width, data):
    """Any count, up to the whole of any picture."""
    count = data.draw(st.integers(0, height * width))
    assert int(strokes(height, width, count, rng(data.draw(st.integers(0, 99)))).sum()) == count


def test_any_draws_all_shapes():
    """Some masks are the centre, some another box, some no rectangle."""
    corruption, kinds = Inpaint(shape="any", ratio=0.25), set()
    centre = corners(Inpaint().draw_mask(32, 32, rng()))
    for seed in range(40):
        mask = corruption.draw_mask(32, 32, rng(seed))
        top, bottom, left, right = corners(mask)
        box = int(mask.sum()) == (bottom - top) * (right - left)
        kinds.add("centre" if corners(mask) == centre and box else "box" if box else "strokes")
    assert kinds == {"centre", "box", "strokes"}


def test_without_a_mask_there_is_nothing_to_fill():
    """A picture from a file needs one, and the message says how to give it."""
    with pytest.raises(Error, match="nothing says which pixels are missing; give a mask"):
        Inpaint().lift(Observation(torch.zeros(3, 8, 8)), rng())


@pytest.mark.parametrize(
    ("options", "says"),
    [({"shape": "circle"}, '"center"'), ({"ratio": 0.0}, "in"), ({"ratio": (0.3, 0.1)}, "low"), ({"ratio": 1.0}, "in")],
)
def test_wrong_options_are_told(options, says):
    """What they may be is said."""
    with pytest.raises(Error, match=says):
        Inpaint(**options)
