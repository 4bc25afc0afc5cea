"""Transparency is carried from the file that is read to the one that is written, or it is the mask."""

import numpy as np
import pytest
import torch
from pictures import photo, pixels, saved
from PIL import Image

from i2sbkit.pictures.files import read_picture, write_picture

TRANSPARENT = [".png", ".webp", ".tif"]


def with_alpha(mode="RGBA"):
    """A picture with every transparency from 0 to 255."""
    image = photo(16, 16).convert(mode.removesuffix("A"))
    image.putalpha(Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)))
    return image


@pytest.mark.parametrize("suffix", TRANSPARENT)
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_kept(tmp_path, mode, suffix):
    """Alpha and the colours under it come back bit for bit; gray with alpha too, where the format has it."""
    image = with_alpha(mode)
    picture = read_picture(
        saved(tmp_path / f"x{suffix}", image, **({"lossless": True, "exact": True} if suffix == ".webp" else {}))
    )
    assert picture.gray == (mode == "LA" and suffix != ".webp")
    assert picture.mask is None
    assert (picture.alpha.min(), picture.alpha.max()) == (0, 1)
    write_picture(tmp_path / f"y{suffix}", picture.image, picture)
    with Image.open(tmp_path / f"y{suffix}") as file:
        assert file.mode == ("RGBA" if suffix == ".webp" else mode)
        assert np.array_equal(np.asarray(file.convert("RGBA")), np.asarray(image.convert("RGBA")))


def test_avif_keeps_transparency(tmp_path):
    """Within what it loses."""
    picture = read_picture(saved(tmp_path / "x.png", with_alpha()))
    write_picture(tmp_path / "y.avif", picture.image, picture)
    assert (read_picture(tmp_path / "y.avif").alpha - picture.alpha).abs().max() * 255 <= 4


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_where_there_is_no_transparency_white_is_behind(tmp_path, suffix):
    """A warning says so; what was transparent is white, what was half transparent half white."""
    picture = read_picture(saved(tmp_path / "x.png", with_alpha()))
    with pytest.warns(UserWarning, match=rf"y\{suffix}: .* has no transparency; the picture is laid on white"):
        write_picture(tmp_path / f"y{suffix}", picture.image, picture)
    white = Image.new("RGBA", (16, 16), "white")
    expected = np.asarray(Image.alpha_composite(white, with_alpha()).convert("RGB")).astype(int)
    assert np.abs(pixels(tmp_path / f"y{suffix}") - expected).max() <= (20 if suffix == ".jpg" else 1)


@pytest.mark.parametrize("transparent", [False, True])
def test_palettes_become_rgb(tmp_path, transparent):
    """New colours fit no palette: RGB comes out, or RGBA where the palette was transparent."""
    image = photo(16, 16).quantize(16)
    options = {"transparency": 3} if transparent else {}
    path = saved(tmp_path / "x.png", image, **options)
    picture = read_picture(path)
    write_picture(tmp_path / "y.png", picture.image, picture)
    with Image.open(path) as before, Image.open(tmp_path / "y.png") as after:
        assert after.mode == ("RGBA" if transparent else "RGB")
        assert np.array_equal(np.asarray(after), np.asarray(before.convert(after.mode)))


def test_one_bit_becomes_gray(tmp_path):
    """Black and white are the ends of the scale."""
    image = photo(16, 16).convert("1")
    picture = read_picture(saved(tmp_path / "x.png", image))
    write_picture(tmp_path / "y.png", picture.image, picture)
    assert np.array_equal(pixels(tmp_path / "y.png"), np.asarray(image.convert("L")))


def test_a_transparent_colour_becomes_alpha(tmp_path):
    """A tRNS chunk is transparency too."""
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    image.putpixel((0, 0), (9, 9, 9))
    picture = read_picture(saved(tmp_path / "x.png", image, transparency=(1, 2, 3)))
    assert picture.alpha[0, 0].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_for_holes_transparency_is_the_mask(tmp_path, mode):
    """What is not opaque, even in part, is missing; the picture that is written is opaque."""
    path = saved(tmp_path / "x.png", with_alpha(mode))
    picture = read_picture(path, holes=True)
    assert picture.alpha is None
    assert torch.equal(picture.mask, (torch.from_numpy(pixels(path)[..., -1].copy()) < 255).float()[None])
    assert read_picture(saved(tmp_path / "y.png", photo(8, 8)), holes=True).mask is None


def test_opaque_alpha_goes_without_a_word(tmp_path):
    """Nothing is lost where all is opaque."""
    picture = read_picture(saved(tmp_path / "x.png", photo(16, 16).convert("RGBA")))
    write_picture(tmp_path / "y.bmp", picture.image, picture)
    assert np.array_equal(pixels(tmp_path / "y.bmp"), np.asarray(photo(16, 16)))
