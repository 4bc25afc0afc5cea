"""Columns by name: what is measured, how much border is cut, and which names there are."""

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import exact

from i2sbkit import Error
from i2sbkit.metrics import column, psnr
from i2sbkit.metrics.columns import MEASURES
from i2sbkit.metrics.network_columns import OF_PICTURES, OF_SETS, PUBLISHED
from i2sbkit.metrics.paper import FILES


def noise(width, height, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("name", MEASURES)
def test_each_takes_pictures_of_its_least_side_and_no_smaller_ones(name):
    """A number there; below, the libraries would fail or measure nothing."""
    least = column(name).least
    assert isinstance(column(name).measure(noise(least, least), noise(least, least, 1)), float)
    assert least == {"psnr": 1, "ssim": 11, "ms_ssim": 176, "psnr_b": 9}[name.rpartition("_")[0]]


@exact
@given(st.sampled_from(["psnr_rgb", "psnr_y", "ssim_rgb", "ssim_y"]), st.integers(1, 9), st.integers(0, 999))
def test_a_crop_leaves_the_border_out(name, border, seed):
    """The number is that of the picture without it, whatever the border holds; the least side grows by it."""
    result, clean = noise(33, 30, seed), noise(33, 30, seed + 1)
    cut = [x[:, border:-border, border:-border] for x in (result, clean)]
    cropped, whole = column(f"{name}_crop{border}"), column(name)
    assert cropped.measure(result, clean) == whole.measure(*cut)
    assert (cropped.name, cropped.least) == (f"{name}_crop{border}", whole.least + 2 * border)
    result[:, :border] = 9
    assert cropped.measure(result, clean) == whole.measure(*cut)


def test_all_rise_with_quality():
    """More is better, and a closer picture has more."""
    clean = noise(176, 176)
    near, far = clean + 0.01 * noise(176, 176, 1), clean + 0.3 * noise(176, 176, 1)
    for name in MEASURES:
        assert column(name).higher_is_better
        assert column(name).measure(near, clean) > column(name).measure(far, clean), name


def test_float64_is_measured_as_it_is():
    """No rounding to float32 on the way."""
    a = torch.zeros(3, 4, 4, dtype=torch.float64)
    assert psnr(a, a + 1e-12) == pytest.approx(240 + 6.0206, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("psnr_rbg", "no column 'psnr_rbg'; did you mean 'psnr_rgb'?"),
        ("psnr", "no column 'psnr'; did you mean 'psnr_y'?"),
        ("niqe", "no column 'niqe'; there are psnr_rgb, psnr_y, "),
        ("psnr_y_crop", "column 'psnr_y_crop': after _crop comes a number of pixels, as in psnr_y_crop4"),
        ("psnr_y_crop0", "after _crop comes a number of pixels"),
        ("psnr_y_crop-4", "after _crop comes a number of pixels"),
        ("psnr_y_crop04", "after _crop comes a number of pixels"),
        ("psnr_b_y_crop4", "column 'psnr_b_y_crop4': the crop would move JPEG's blocks; use a multiple of 8"),
    ],
)
def test_other_names_are_refused(name, said):
    """With what is meant, or how it is written."""
    with pytest.raises(Error) as caught:
        column(name)
    assert said in str(caught.value)


def test_psnr_b_may_be_cropped_by_whole_blocks():
    """The grid of blocks stays where it was."""
    blocks = torch.arange(48).div(8, rounding_mode="floor").remainder(2).mul(0.5).expand(3, 48, 48)
    assert column("psnr_b_y_crop8").measure(blocks, blocks) < 30


def test_the_page_has_every_column():
    """docs/metrics.md tells of each by name, and of no other measure's."""
    page = (Path(__file__).parent.parent / "docs/metrics.md").read_text("utf-8")
    told = set(re.findall(r"`([a-z0-9_]+)`", page))
    names = {*MEASURES, *PUBLISHED, *(f"{one}_efflite0" for one in (*OF_PICTURES, *OF_SETS) if one != "accuracy")}
    assert names <= told
    assert "`accuracy_NETWORK`" in page


def test_the_page_links_every_file_that_must_be_fetched():
    """By name and address."""
    page = (Path(__file__).parent.parent / "docs/metrics.md").read_text("utf-8")
    for file in FILES.values():
        assert f"[{file.name}]({file.url})" in page
