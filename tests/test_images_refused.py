"""Files that are refused: those that are no pictures, and those that would not come back unharmed."""

import random
import struct
import zlib

import numpy as np
import pytest
from pictures import exif_with, photo, saved
from PIL import Image

from i2sbkit import Error, from_pil
from i2sbkit.images import FORMATS, read_picture

LOSSLESS = [suffix for suffix, kind in FORMATS.items() if kind != "JPEG"]


def refusal(path):
    """What reading a file says, which is one line with its name."""
    with pytest.raises(Error) as caught:
        read_picture(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def png(path, depth, colour, channels):
    """A PNG of 4x4 pixels made by hand, of a kind that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(range(4 * channels * depth // 8)) for _ in range(4))
    header = struct.pack(">IIBBBBB", 4, 4, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def tiff_16_bit_rgb(path):
    """A TIFF of 4x4 RGB pixels of 16 bits made by hand."""
    entries = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 3, 122), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 128)]
    entries += [(277, 3, 1, 3), (278, 3, 1, 4), (279, 4, 1, 96)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<I", 8) + directory + bytes(4)
    path.write_bytes(head + struct.pack("<3H", 16, 16, 16) + np.arange(48, dtype="<u2").tobytes())
    assert len(head) == 122
    return path


@pytest.mark.parametrize(
    ("mode", "suffix", "says"),
    [
        ("RGBA", ".png", "RGBA"),
        ("RGBA", ".webp", "RGBA"),
        ("LA", ".png", "LA"),
        ("P", ".png", "mode P"),
        ("P", ".bmp", "mode P"),
        ("1", ".png", "mode 1"),
        ("CMYK", ".jpg", "CMYK"),
        ("CMYK", ".tif", "CMYK"),
        ("I;16", ".png", "more than 8 bits"),
        ("I;16", ".tif", "more than 8 bits"),
        ("F", ".tif", "more than 8 bits"),
    ],
)
def test_what_would_be_changed_is_refused(tmp_path, mode, suffix, says):
    """Alpha, palettes, CMYK and more than 8 bits are named and refused."""
    image = photo(8, 8)
    image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16)) if mode == "I;16" else image.convert(mode)
    if "A" in mode:
        image.putalpha(100)
    message = refusal(saved(tmp_path / f"x{suffix}", image))
    assert says in message
    assert "convert it first" in message


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bit_png_is_refused(tmp_path, colour, channels):
    """Pillow would cut 16-bit RGB to 8 bits without a word."""
    path = png(tmp_path / "x.png", 16, colour, channels)
    assert "more than 8 bits" in refusal(path)
    read_picture(png(tmp_path / "y.png", 8, 2, 3))  # the same file at 8 bits is fine


def test_16_bit_tiff_is_refused(tmp_path):
    """The same in TIFF, which Pillow opens as 8-bit RGB."""
    path = tiff_16_bit_rgb(tmp_path / "x.tif")
    with Image.open(path) as file:
        assert file.mode == "RGB"
    assert "more than 8 bits" in refusal(path)


def test_a_transparent_colour_is_refused(tmp_path):
    """A tRNS chunk is transparency too."""
    assert "transparent" in refusal(saved(tmp_path / "x.png", photo(8, 8), transparency=(1, 2, 3)))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_animations_are_refused(tmp_path, suffix):
    """Restoring the first frame alone would lose the others."""
    image = photo(8, 8)
    options = {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    assert "several frames" in refusal(saved(tmp_path / f"x{suffix}", image, **options))


def test_a_phones_jpeg_with_a_second_picture_is_read(tmp_path):
    """Of an MPO file the first picture is the photograph."""
    image = photo(16, 16)
    path = saved(tmp_path / "x.jpg", image, format="MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))])
    assert (read_picture(path).image - from_pil(image)).abs().mean() < 0.1


@pytest.mark.parametrize("content", [b"", b"hello, I am text", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_picture_is_refused(tmp_path, content):
    """An empty file, a text, a bare signature and a program in PostScript are refused in a line."""
    (tmp_path / "x.png").write_bytes(content)
    refusal(tmp_path / "x.png")


@pytest.mark.parametrize("kind", ["PPM", "GIF", "ICO"])
def test_other_formats_are_not_decoded(tmp_path, kind):
    """A picture of a format that is not written here is refused, whatever its name says."""
    photo(16, 16).save(tmp_path / "x.png", kind)
    assert "not a picture that can be read here (JPEG, PNG, WEBP, TIFF, BMP)" in refusal(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_truncated_file_is_refused(tmp_path, suffix):
    """Half a file is never taken for a picture."""
    path = saved(tmp_path / f"x{suffix}", photo(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refusal(path)


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    """Too many pixels are refused before any is decoded; so is what Pillow only warns of."""
    path = saved(tmp_path / "x.png", photo(40, 40))
    for limit in (500, 1000):  # above twice the limit Pillow raises, above the limit it warns
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert "more pixels" in refusal(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
@pytest.mark.filterwarnings("ignore:.*its metadata is damaged:UserWarning")
def test_damaged_bytes_never_raise_anything_else(tmp_path, suffix):
    """Bytes changed at random: the file is read or refused, whatever Pillow's decoders raise."""
    options = {} if suffix == ".bmp" else {"exif": exif_with(6)}
    whole, path, rng = (
        saved(tmp_path / f"x{suffix}", photo(24, 16), **options).read_bytes(),
        tmp_path / "y",
        random.Random(0),
    )
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 4, 20])):
            damaged[rng.randrange(min(len(damaged), 300))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            read_picture(path)
        except Error as error:
            assert str(path) in str(error)


def test_damaged_metadata_is_warned_of(tmp_path):
    """The picture is read all the same."""
    path = saved(tmp_path / "x.jpg", photo(16, 16), exif=exif_with(6))
    whole = path.read_bytes()
    count = whole.index(b"MM\0*") + 8
    path.write_bytes(whole[:count] + b"\xff\xff" + whole[count + 2 :])  # more tags than there are bytes
    with pytest.warns(UserWarning, match=f"{path}: its metadata is damaged"):
        assert read_picture(path).image.shape[0] == 3
