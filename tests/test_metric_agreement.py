"""The measures of pairs of pictures give what torchmetrics and scikit-image give."""

import io

import numpy as np
import pytest
import torch
import torchmetrics.functional.image as torchmetrics
from hypothesis import given
from hypothesis import strategies as st
from pictures import photo
from PIL import Image
from skimage import color
from skimage import metrics as skimage
from strategies import exact

from i2sbkit import from_pil
from i2sbkit.metrics import column, luma, ms_ssim, psnr, psnr_b, ssim

AGREED = 1e-4
"""What the numbers may differ by."""


def random_pair(width, height, seed=0):
    """Noise, and the same with more of it."""
    rng = torch.Generator().manual_seed(seed)
    clean = torch.rand(3, height, width, generator=rng) * 2 - 1
    return (clean + 0.3 * torch.randn(clean.shape, generator=rng)).clamp(-1, 1), clean


def jpeg_pair(width, height, name, quality):
    """A photograph out of a JPEG, and as it was."""
    clean, file = photo(width, height, name), io.BytesIO()
    clean.save(file, "JPEG", quality=quality)
    return from_pil(Image.open(file)), from_pil(clean)


PAIRS = {
    "random-odd": random_pair(177, 193),
    "jpeg-5": jpeg_pair(192, 176, "lake-sherburne", 5),
    "jpeg-50-odd": jpeg_pair(181, 199, "typewriter", 50),
}
pairs = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
planes = pytest.mark.parametrize("plane", ["rgb", "y"])


def for_torchmetrics(pair, plane):
    """Batches of one, from 0 to 1; Y as it is on a scale of 255."""
    return [(((luma(x) if plane == "y" else x).double() + 1) / 2).unsqueeze(0) for x in pair]


def for_skimage(pair, plane):
    """(H, W, C) from 0 to 255; Y by scikit-image's own formula."""
    arrays = [((x.double() + 1) * 127.5).permute(1, 2, 0).numpy() for x in pair]
    return [color.rgb2ycbcr(x / 255)[..., :1] if plane == "y" else x for x in arrays]


@pairs
@planes
def test_psnr(pair, plane):
    """Both libraries', on RGB and on Y with a peak of 255."""
    found = column(f"psnr_{plane}").measure(*pair)
    theirs = torchmetrics.peak_signal_noise_ratio(*for_torchmetrics(pair, plane), data_range=1.0)
    assert found == pytest.approx(float(theirs), abs=AGREED)
    result, clean = for_skimage(pair, plane)
    assert found == pytest.approx(skimage.peak_signal_noise_ratio(clean, result, data_range=255), abs=AGREED)


@pairs
@planes
def test_ssim(pair, plane):
    """scikit-image's with population statistics; torchmetrics' where no mirrored border is in the window."""
    found = column(f"ssim_{plane}").measure(*pair)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
    theirs = skimage.structural_similarity(*for_skimage(pair, plane), data_range=255, **settings)
    assert found == pytest.approx(theirs, abs=AGREED)
    _, everywhere = torchmetrics.structural_similarity_index_measure(
        *for_torchmetrics(pair, plane), data_range=1.0, return_full_image=True
    )
    assert found == pytest.approx(float(everywhere[..., 5:-5, 5:-5].mean()), abs=AGREED)


@pairs
@planes
def test_ms_ssim(pair, plane):
    """torchmetrics', odd sides included."""
    theirs = torchmetrics.multiscale_structural_similarity_index_measure(*for_torchmetrics(pair, plane), data_range=1.0)
    assert column(f"ms_ssim_{plane}").measure(*pair) == pytest.approx(float(theirs), abs=AGREED)


@pairs
def test_psnr_b(pair):
    """torchmetrics', whose numbers of steps are those that the paper prints."""
    result, clean = for_torchmetrics(pair, "y")
    theirs = torchmetrics.peak_signal_noise_ratio_with_blocked_effect(result, clean, data_range=1.0)
    assert column("psnr_b_y").measure(*pair) == pytest.approx(float(theirs), abs=AGREED)


@pairs
def test_luma(pair):
    """scikit-image's rgb2ycbcr, which is MATLAB's."""
    for picture in pair:
        theirs = color.rgb2ycbcr(((picture.double() + 1) / 2).permute(1, 2, 0).numpy())[..., 0]
        np.testing.assert_allclose((luma(picture)[0].numpy() + 1) * 127.5, theirs, atol=1e-9)


@exact
@given(st.integers(9, 40), st.integers(9, 40), st.integers(0, 999))
def test_psnr_b_at_any_size(width, height, seed):
    """torchmetrics' again, from the smallest size on."""
    pair = random_pair(width, height, seed)
    result, clean = for_torchmetrics(pair, "y")
    theirs = torchmetrics.peak_signal_noise_ratio_with_blocked_effect(result, clean, data_range=1.0)
    assert column("psnr_b_y").measure(*pair) == pytest.approx(float(theirs), abs=AGREED)


def test_luma_spans_16_to_235():
    """Black and white of 255 levels, and green brighter than red than blue."""
    colours = torch.tensor([[-1, -1, -1], [1, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]], dtype=torch.float32)
    levels = (luma(colours.T.reshape(3, 1, 5))[0, 0] + 1) * 127.5
    assert levels.tolist() == pytest.approx([16, 235, 16 + 128.553, 16 + 65.481, 16 + 24.966])


def test_blocks_lower_psnr_b_alone():
    """Steps at the edges of blocks count; the same error elsewhere is PSNR's; the reference's own steps do not."""
    flat = torch.zeros(1, 64, 64)
    blocks = torch.arange(8).repeat_interleave(8).remainder(2).mul(0.2).expand(1, 64, 64)
    shifted = blocks.roll(4, dims=2)
    assert psnr_b(blocks, flat) < psnr(blocks, flat) - 1
    assert psnr_b(shifted, flat) == psnr(shifted, flat)
    assert psnr_b(flat, blocks) == psnr(flat, blocks)


def test_ms_ssim_of_opposites_is_a_number():
    """A structure turned into its negative is 0, not a root of something below it."""
    result, clean = random_pair(176, 176)
    assert ms_ssim(-clean, clean) == 0
    assert 0 < ms_ssim(result, clean) < ms_ssim(clean, clean)
    assert ms_ssim(clean, clean) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("measure", [psnr, ssim, ms_ssim])
def test_no_measure_depends_on_which_is_which(measure):
    """Only PSNR-B does."""
    result, clean = random_pair(180, 177)
    assert measure(result, clean) == pytest.approx(measure(clean, result), abs=1e-12)
