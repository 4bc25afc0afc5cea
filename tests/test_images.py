"""Tensors of levels and of Pillow images: nothing of a picture is changed on the way."""

import numpy as np
import pytest
import torch
from pictures import photo
from PIL import Image

from i2sbkit import Error, from_pil, to_pil
from i2sbkit.images import Picture, array_to_pil, fitted, from_array, from_uint8, pil_array, to_array, to_uint8


def test_every_8_bit_value_comes_back():
    """uint8 -> [-1, 1] -> uint8 is the identity; 0 is -1 and 255 is 1."""
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(from_uint8(values)), values)
    assert from_uint8(values)[[0, 255]].tolist() == [-1.0, 1.0]


@pytest.mark.parametrize(
    ("level", "expected"), [(254.6, 255), (254.4, 254), (255.0, 255), (0.4, 0), (300, 255), (-9, 0)]
)
def test_values_are_rounded_and_clamped(level, expected):
    """White stays white: the nearest value is taken, not the next lower one."""
    assert int(to_uint8(torch.tensor(level / 127.5 - 1))) == expected


def test_pil_round_trip():
    """A Pillow image comes back from its tensor bit for bit."""
    image = photo(37, 23)
    tensor = from_pil(image)
    assert tensor.shape == (3, 23, 37)
    assert np.array_equal(np.asarray(to_pil(tensor)), np.asarray(image))


@pytest.mark.parametrize(("dtype", "count"), [(np.uint8, 256), (np.uint16, 65536)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_level_comes_back(dtype, count, channels):
    """Levels of 8 and 16 bits -> [-1, 1] -> levels is the identity, for colours and alpha; black is -1, white 1."""
    levels = np.random.default_rng(0).permutation(np.repeat(np.arange(count), channels)).astype(dtype)
    array = levels.reshape(16, -1, channels)
    picture = from_array(array)
    assert (picture.image.min(), picture.image.max()) == (-1, 1)
    assert (picture.gray, picture.alpha is None, picture.depth) == (
        channels < 3,
        channels in (1, 3),
        8 * array.itemsize,
    )
    assert np.array_equal(to_array(picture.image, picture), array)


def test_floats_are_neither_clamped_nor_rounded():
    """Floats in [0, 1] are [-1, 1], and what lies beyond comes back too, to float32's precision."""
    array = np.array([[[0.0, 0.25, 1.0], [-0.5, 0.123456789, 7.5]]], np.float32)
    picture = from_array(array)
    assert picture.image[:, 0, 0].tolist() == [-1.0, -0.5, 1.0]
    assert np.abs(to_array(picture.image, picture) - array).max() < 1e-6


@pytest.mark.parametrize(("value", "expected"), [(1.2, 65535), (-3.0, 0), (65534.6 / 32767.5 - 1, 65535)])
def test_16_bit_levels_are_rounded_and_clamped(value, expected):
    """The nearest of 65536 levels."""
    image = torch.full((3, 1, 1), value)
    assert (to_array(image, Picture(image, depth=16)) == expected).all()


def test_from_pil_is_from_uint8():
    """Both ways to a tensor agree bit for bit."""
    image = photo(30, 20)
    assert torch.equal(from_pil(image), from_uint8(torch.from_numpy(np.array(image)).permute(2, 0, 1)))


def test_from_pil_reads_every_depth_as_restore_does():
    """Half of what is white is 0, of 16 bits and of floats in [0, 1] too; what cannot be read is told."""
    middle = Image.fromarray(np.array([[32768]], np.uint16)), Image.new("F", (1, 1), 0.5)
    assert [float(from_pil(image)[0]) for image in middle] == pytest.approx([0, 0], abs=2e-5)
    for wrong in (Image.new("CMYK", (2, 2)), Image.new("F", (2, 2), 255), Image.new("L", (0, 2)), np.zeros((2, 2)), 5):
        with pytest.raises(Error):
            from_pil(wrong)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(1, 3, 4, 4),
        torch.zeros(4, 4, 4),
        torch.zeros(3, 0, 4),
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        np.zeros((3, 4, 4), np.float32),
        None,
        torch.tensor([0, float("nan"), 0]).reshape(3, 1, 1),
    ],
    ids=lambda value: f"{type(value).__name__}{tuple(getattr(value, 'shape', ()))}",
)
def test_to_pil_refuses_what_is_no_picture(x):
    """A batch, four channels, 8-bit values, an array, NaN: an Error, not a wrong picture."""
    with pytest.raises(Error, match="to_pil"):
        to_pil(x)


@pytest.mark.parametrize("kind", [{"requires_grad": True}, {"dtype": torch.bfloat16}, {"dtype": torch.float64}])
def test_to_pil_takes_any_float_tensor(kind):
    """What is trained, and other precisions."""
    image = to_pil(torch.full((3, 2, 2), 9.0, **kind))
    assert (image.mode, image.getpixel((0, 0))) == ("RGB", (255, 255, 255))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "F"])
def test_the_mode_of_a_pillow_image_comes_back(mode):
    """Gray, alpha and depth go there and back."""
    image = photo(9, 7)
    gray = np.asarray(image.convert("L"))
    image = Image.fromarray(gray.astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    if mode == "F":
        image = Image.fromarray(gray.astype(np.float32) / 255)
    if mode.endswith("A"):
        image.putalpha(Image.linear_gradient("L").resize((9, 7)))
    picture = from_array(pil_array(image))
    back = array_to_pil(to_array(picture.image, picture))
    assert back.mode == mode
    assert np.allclose(np.asarray(back), np.asarray(image), rtol=0, atol=1e-6 if mode == "F" else 0)


def test_alpha_grows_with_the_picture():
    """Enlarged by Lanczos, within [0, 1]; a half-transparent picture stays half transparent."""
    alpha = torch.zeros(1, 4, 6)
    alpha[..., 3:] = 1
    like = fitted(Picture(torch.zeros(3, 4, 6), alpha=alpha), torch.zeros(3, 16, 24))
    assert like.alpha.shape == (1, 16, 24)
    assert (like.alpha.min(), like.alpha.max()) == (0, 1)
    assert abs(float(like.alpha.mean()) - 0.5) < 0.01
    even = Picture(torch.zeros(3, 4, 6), alpha=torch.full((1, 4, 6), 0.5))
    torch.testing.assert_close(fitted(even, torch.zeros(3, 8, 12)).alpha, torch.full((1, 8, 12), 0.5))


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "HSV", "YCbCr", "I"])
def test_modes_without_rgb_levels_are_refused(mode):
    """Nothing is converted by guess."""
    with pytest.raises(Error, match=f"{mode}; convert it to RGB first"):
        pil_array(Image.new(mode, (2, 2)))
