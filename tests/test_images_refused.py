"""Files that are refused: those that are no pictures, and those that would not come back unharmed."""

import random

import numpy as np
import pytest
import pyvips
from pictures import exif_with, photo, saved
from PIL import Image, ImageCms, ImageFile

from i2sbkit import Error
from i2sbkit.images import FORMATS
from i2sbkit.pictures import decoding
from i2sbkit.pictures.files import read_picture, write_picture


def refusal(path):
    """What reading a file says, which is one line with its name."""
    with pytest.raises(Error) as caught:
        read_picture(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_without_a_profile_is_refused(tmp_path, suffix):
    """Nobody knows which colours it has; nor by a profile that is none of CMYK."""
    image = photo(8, 8).convert("CMYK")
    assert "CMYK without a colour profile" in refusal(saved(tmp_path / f"x{suffix}", image))
    wrong = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert "profile that does not fit" in refusal(saved(tmp_path / f"y{suffix}", image, icc_profile=wrong))


@pytest.mark.parametrize("mode", ["LAB", "I"])
def test_other_kinds_of_pixels_are_refused(tmp_path, mode):
    """LAB, and whole numbers of 32 bits, are named."""
    message = refusal(saved(tmp_path / "x.tif", Image.new(mode, (8, 8))))
    assert "convert it to RGB" in message


@pytest.mark.parametrize("content", [b"", b"hello, I am text", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_picture_is_refused(tmp_path, content):
    """An empty file, a text, a bare signature and a program in PostScript are refused in a line."""
    (tmp_path / "x.png").write_bytes(content)
    refusal(tmp_path / "x.png")


@pytest.mark.parametrize("kind", ["PPM", "GIF", "ICO"])
def test_other_formats_are_not_decoded(tmp_path, kind):
    """A picture of a format that is not written here is refused, whatever its name says."""
    photo(16, 16).save(tmp_path / "x.png", kind)
    assert "not a picture that can be read here (JPEG, PNG, WEBP, TIFF, BMP, AVIF)" in refusal(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_truncated_file_is_refused(tmp_path, suffix):
    """Half a file is never taken for a picture."""
    path = saved(tmp_path / f"x{suffix}", photo(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refusal(path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, suffix):
    """More than 250 megapixels are refused before any is decoded, in one line; Pillow's own limit is left as it was."""
    assert decoding.MOST_PIXELS == 250_000_000
    path, limit = saved(tmp_path / f"x{suffix}", photo(40, 40)), Image.MAX_IMAGE_PIXELS
    read_picture(path)
    monkeypatch.setattr(decoding, "MOST_PIXELS", 1599)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda file: pytest.fail("decoded"))
    assert "40x40 pixels, and more than 0.001599 megapixels are not read" in refusal(path)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_deep_decompression_bomb_is_refused(tmp_path, monkeypatch, suffix):
    """By what the header says."""
    levels = np.zeros((40, 40, 3), np.uint16)
    pyvips.Image.new_from_array(levels, interpretation="rgb16").write_to_file(str(tmp_path / f"x{suffix}"))
    monkeypatch.setattr(decoding, "MOST_PIXELS", 1599)
    assert "40x40 pixels" in refusal(tmp_path / f"x{suffix}")


def test_more_pixels_than_pillow_takes_for_safe_are_read(tmp_path, monkeypatch):
    """Its limit, 89 megapixels to warn and 179 to refuse, lies below what telephones take."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    assert read_picture(saved(tmp_path / "x.png", photo(40, 40))).image.shape == (3, 40, 40)


@pytest.mark.slow
def test_100_megapixels_are_read_and_written(tmp_path):
    """A picture of 10,000 x 10,000, bit for bit."""
    path = saved(tmp_path / "x.png", Image.linear_gradient("L").resize((10_000, 10_000)), compress_level=1)
    picture = read_picture(path)
    write_picture(tmp_path / "y.tif", picture.image, picture)
    before, after = (pyvips.Image.new_from_file(str(file)).numpy() for file in (path, tmp_path / "y.tif"))
    assert np.array_equal(before, after)


@pytest.mark.parametrize(("channels", "suffix"), [(1, ".png"), (3, ".png"), (1, ".tif"), (3, ".tif")])
def test_a_truncated_deep_file_is_refused(tmp_path, channels, suffix):
    """Half a file of 16 bits is never taken for a picture either."""
    levels = np.random.default_rng(0).integers(0, 65536, (64, 64, channels)).astype(np.uint16)
    colours = "rgb16" if channels == 3 else "grey16"
    path = tmp_path / f"x{suffix}"
    pyvips.Image.new_from_array(levels, interpretation=colours).write_to_file(str(path))
    whole = path.read_bytes()
    for share in (0.5, 0.9, 0.01):
        path.write_bytes(whole[: int(len(whole) * share)])
        refusal(path)


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_damaged_pixels_of_a_png_are_refused(tmp_path, mode):
    """They never pass for damaged metadata: no part of a picture is read as black."""
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3) if mode == "RGB" else (64, 64))
    image = Image.fromarray(levels.astype(np.uint16) * 257 if mode == "I;16" else levels.astype(np.uint8))
    path = saved(tmp_path / "x.png", image)
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) * 3 // 10
    damaged[middle : middle + 400] = bytes(400)
    path.write_bytes(damaged)
    assert "not a readable picture" in refusal(path)


def test_what_is_not_there_or_not_readable_is_said(tmp_path):
    """The system's own words, once."""
    assert refusal(tmp_path / "x.png") == f"{tmp_path / 'x.png'}: No such file or directory"


@pytest.mark.parametrize(
    ("suffix", "depth"),
    [(".jpg", 8), (".png", 8), (".webp", 8), (".tif", 8), (".bmp", 8), (".avif", 8), (".png", 16), (".tif", 16)],
)
@pytest.mark.filterwarnings("ignore:.*(metadata is damaged|bits a channel|colours of CICP|several frames):UserWarning")
def test_damaged_bytes_never_raise_anything_else(tmp_path, suffix, depth):
    """Bytes changed at random: the file is read or refused, whatever the decoders raise."""
    path, rng = tmp_path / f"x{suffix}", random.Random(0)
    if depth == 8:
        saved(path, photo(24, 16), **({} if suffix == ".bmp" else {"exif": exif_with(6)}))
    else:
        levels = np.asarray(photo(24, 16)).astype(np.uint16) * 257
        pyvips.Image.new_from_array(levels, interpretation="rgb16").write_to_file(str(path))
    whole = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 4, 20])):
            damaged[rng.randrange(min(len(damaged), 300))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            read_picture(path)
        except Error as error:
            assert str(path) in str(error)
