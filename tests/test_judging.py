"""What draws say together, on draws whose law is known."""

import pytest
import torch

from i2sbkit.evaluating.judging import between_draws
from i2sbkit.metrics import psnr


@pytest.mark.parametrize("draws", [2, 8])
@pytest.mark.parametrize(("scale", "calibration"), [(1.0, 1.0), (0.5, 2.0)])
def test_calibration_is_one_for_draws_of_the_clean_pictures_own_law(draws, scale, calibration):
    """The clean picture is one more draw: error and spread agree to 2 %; draws of half the deviation around its mean
    err more than they say, up to what their own mean's error adds."""
    torch.manual_seed(0)
    mean, clean, noise = torch.zeros(3, 128, 128), torch.randn(3, 128, 128) * 0.1, torch.randn(draws, 3, 128, 128) * 0.1
    found = between_draws(mean + scale * noise, clean)
    wanted = ((1 + scale**2 / draws) / (scale**2 * (1 + 1 / draws))) ** 0.5
    assert found["calibration"] == pytest.approx(wanted, rel=0.02)
    if scale == 1.0:
        assert found["calibration"] == pytest.approx(calibration, rel=0.02)
        assert found["spread"] == pytest.approx(0.1 * 127.5 * (1 + 1 / draws) ** 0.5, rel=0.02)


def test_the_mean_of_draws_is_measured_as_a_picture():
    torch.manual_seed(0)
    clean, draws = torch.rand(3, 16, 16) - 0.5, torch.rand(4, 3, 16, 16) - 0.5
    assert between_draws(draws, clean)["psnr_rgb_of_mean"] == psnr(draws.mean(dim=0), clean)
