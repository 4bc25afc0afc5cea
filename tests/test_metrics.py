"""PSNR and SSIM against their definitions."""

import math

import numpy as np
import pytest
import torch
from pictures import photo

from i2sbkit import from_pil
from i2sbkit.metrics import psnr, ssim


def pair(name="lake-sherburne", width=96, height=64):
    """A photograph and the same with a pattern added, 8-bit values."""
    clean = np.asarray(photo(width, height, name)).astype(int)
    rows, columns, channels = np.indices(clean.shape)
    noisy = clean + (rows * 7 + columns * 13 + channels * 5) % 31 - 15
    return clean, noisy.clip(0, 255)


def tensor(values):
    return torch.from_numpy(values / 127.5 - 1).permute(2, 0, 1).float()


def test_psnr_by_hand():
    """An error of 0.2 everywhere on a range of 2 is 20 dB; of one 8-bit level, 20 log10(255)."""
    a = torch.zeros(3, 5, 7)
    assert psnr(a, a + 0.2) == pytest.approx(20, abs=1e-5)
    assert psnr(a, a + 2 / 255) == pytest.approx(20 * math.log10(255), abs=1e-5)


def test_psnr_is_over_all_channels():
    """The squared error is averaged over pixels and colours before the logarithm."""
    clean, noisy = pair()
    expected = 10 * math.log10(255**2 / ((clean - noisy) ** 2).mean())
    assert psnr(tensor(clean), tensor(noisy)) == pytest.approx(expected, abs=1e-4)


def test_equal_pictures():
    """PSNR inf, SSIM 1."""
    a = from_pil(photo(32, 32))
    assert psnr(a, a) == math.inf
    assert ssim(a, a) == pytest.approx(1, abs=1e-12)


def ssim_by_definition(a, b):
    """Wang et al. 2004, Eq. 13, window by window, on 8-bit values of one channel."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for top in range(a.shape[0] - 10):
        for left in range(a.shape[1] - 10):
            x, y = a[top : top + 11, left : left + 11], b[top : top + 11, left : left + 11]
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            cov = (window * (x - mx) * (y - my)).sum()
            values.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return np.mean(values)


@pytest.mark.parametrize("size", [(24, 18), (11, 11), (40, 11)])
def test_ssim_is_its_definition(size):
    """The mean over channels and over all places where the 11x11 Gaussian window fits."""
    clean, noisy = pair(width=size[0], height=size[1])
    expected = np.mean([ssim_by_definition(clean[..., c], noisy[..., c]) for c in range(3)])
    assert ssim(tensor(clean), tensor(noisy)) == pytest.approx(expected, abs=1e-5)


# scikit-image 0.26.0: structural_similarity(a, b, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5,
# use_sample_covariance=False) and peak_signal_noise_ratio(a, b, data_range=255) on the 8-bit values of `pair`.
SCIKIT_IMAGE = {
    "lake-sherburne": (29.173423, 0.903106),
    "typewriter": (29.099689, 0.619543),
    "blue-periwinkle": (29.326402, 0.780104),
}


@pytest.mark.parametrize(("name", "expected"), SCIKIT_IMAGE.items())
def test_equal_to_scikit_image(name, expected):
    """The numbers of the widely used implementation, on photographs."""
    clean, noisy = pair(name)
    ours = psnr(tensor(clean), tensor(noisy)), ssim(tensor(clean), tensor(noisy))
    assert ours == pytest.approx(expected, abs=2e-5)
