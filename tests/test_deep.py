"""More than 8 bits in are more than 8 bits out, bit for bit."""

import struct
import sys
import zlib

import numpy as np
import pytest
import pyvips
import torch
from pictures import exif_with, photo
from PIL import ExifTags

from i2sbkit import Error, from_pil
from i2sbkit.images import Picture
from i2sbkit.metadata import Metadata
from i2sbkit.pictures.files import format_of, read_picture, write_picture

KINDS = [(".png", np.uint16), (".tif", np.uint16), (".tif", np.float32)]
METADATA = Metadata(
    {ExifTags.Base.Make: "Maker", ExifTags.IFD.Exif: {33434: 0.25}}, b"<xmp/>", b"profile" * 40, (300, 150)
)


def levels(channels, dtype=np.uint16, height=150, width=23):
    """Every pixel another one; of more rows than are compressed at a time."""
    values = np.random.default_rng(channels).integers(0, 65536, (height, width, channels))
    return values.astype(np.uint16) if dtype == np.uint16 else (values / 65535).astype(dtype)


def by_libvips(path):
    """What another reader finds in a file, (H, W, C)."""
    array = pyvips.Image.new_from_file(str(path), revalidate=True).numpy()
    return array[..., None] if array.ndim == 2 else array


def made_by_libvips(path, array, **options):
    colours = "rgb16" if array.shape[2] > 2 else "grey16"
    if array.dtype != np.uint16:
        colours = "scrgb" if array.shape[2] > 2 else "b-w"
    pyvips.Image.new_from_array(array, interpretation=colours).write_to_file(str(path), **options)
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("suffix", "dtype"), KINDS)
def test_deep_files_come_back_bit_for_bit(tmp_path, suffix, dtype, channels):
    """16-bit PNG and TIFF and float TIFF: gray, gray and alpha, RGB, RGBA; read from and by another library's files."""
    array = levels(channels, dtype)
    picture = read_picture(made_by_libvips(tmp_path / f"x{suffix}", array))
    assert (picture.depth, picture.gray) == (array.itemsize * 8, channels < 3)
    assert (picture.alpha is not None) == (channels in (2, 4))
    write_picture(tmp_path / f"y{suffix}", picture.image, picture)
    back = by_libvips(tmp_path / f"y{suffix}")
    assert back.dtype == dtype
    assert np.abs(back.astype(float) - array).max() <= (2e-7 if dtype == np.float32 else 0)


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate"])
def test_tiffs_of_any_compression_are_read(tmp_path, compression):
    """With a predictor too."""
    array = levels(3)
    path = made_by_libvips(tmp_path / "x.tif", array, compression=compression, predictor="horizontal")
    picture = read_picture(path)
    assert np.array_equal(
        picture.image.numpy(), (array.transpose(2, 0, 1) / np.float32(32767.5)).astype(np.float32) - 1
    )


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_bigtiffs_and_tiles_are_read(tmp_path, channels, bigtiff):
    """As libvips and other tools write large pictures."""
    array = levels(channels)
    path = made_by_libvips(tmp_path / "x.tif", array, bigtiff=bigtiff, tile=True, tile_width=16, tile_height=16)
    picture = read_picture(path)
    write_picture(tmp_path / "y.tif", picture.image, picture)
    assert np.array_equal(by_libvips(tmp_path / "y.tif"), array)


@pytest.mark.parametrize(("suffix", "dtype"), KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_metadata_goes_with_deep_pictures(tmp_path, channels, suffix, dtype):
    """EXIF, XMP, profile and resolution, in files that Pillow opens and in those that it does not."""
    picture = read_picture(made_by_libvips(tmp_path / f"x{suffix}", levels(channels, dtype)))
    like = Picture(picture.image, picture.gray, picture.alpha, picture.depth, metadata=METADATA)
    write_picture(tmp_path / f"y{suffix}", like.image, like)
    again = read_picture(tmp_path / f"y{suffix}")
    assert again.metadata.exif == METADATA.exif
    assert (again.metadata.xmp, again.metadata.icc) == (METADATA.xmp, METADATA.icc)
    assert [round(value) for value in again.metadata.dpi] == [300, 150]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_pictures_are_turned_upright(tmp_path, suffix):
    """By EXIF in PNG, by its own tag in TIFF; once."""
    array = levels(3)
    vips = pyvips.Image.new_from_array(array, interpretation="rgb16")
    vips.set_type(pyvips.GValue.blob_type, "exif-data", exif_with(6))
    vips.set_type(pyvips.GValue.gint_type, "orientation", 6)
    vips.write_to_file(str(tmp_path / f"x{suffix}"))
    picture = read_picture(tmp_path / f"x{suffix}")
    assert picture.image.shape == (3, 23, 150)
    write_picture(tmp_path / f"y{suffix}", picture.image, picture)
    assert np.array_equal(by_libvips(tmp_path / f"y{suffix}"), np.rot90(array, -1))
    assert torch.equal(read_picture(tmp_path / f"y{suffix}").image, picture.image)


@pytest.mark.parametrize(("suffix", "dtype"), KINDS)
def test_the_format_of_a_deep_file_is_known(tmp_path, suffix, dtype):
    """Of those that Pillow does not open too."""
    path = made_by_libvips(tmp_path / f"x{suffix}", levels(3, dtype))
    assert format_of(path) == read_picture(path).format == ("PNG" if suffix == ".png" else "TIFF")


def test_floats_beyond_white_are_kept(tmp_path):
    """A float TIFF is neither clamped nor rounded."""
    array = np.array([[[-0.5, 0.25, 7.5], [0.1, 1, 1.001]]], np.float32)
    picture = read_picture(made_by_libvips(tmp_path / "x.tif", array))
    assert picture.image[:, 0, 0].tolist() == [-2, -0.5, 14]
    write_picture(tmp_path / "y.tif", picture.image, picture)
    assert np.abs(by_libvips(tmp_path / "y.tif") - array).max() < 1e-6


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("channels", [1, 3])
def test_floats_that_are_no_numbers_are_refused(tmp_path, channels, wrong):
    """One would spread over the whole picture."""
    array = levels(channels, np.float32)
    array[3, 4, 0] = wrong
    with pytest.raises(Error, match="NaN or infinite"):
        read_picture(made_by_libvips(tmp_path / "x.tif", array))


@pytest.mark.parametrize(
    ("depth", "suffix", "says", "gets"),
    [
        (16, ".jpg", "JPEG holds no 16 bits a channel; written with 8 bits", 8),
        (16, ".webp", "WEBP holds no 16 bits", 8),
        (16, ".bmp", "BMP holds no 16 bits", 8),
        (16, ".avif", "AVIF holds no 16 bits", 8),
        (32, ".png", "PNG holds no floats a channel; written with 16 bits", 16),
        (32, ".jpg", "JPEG holds no floats", 8),
    ],
)
def test_what_a_format_cannot_hold_is_rounded_with_a_warning(tmp_path, depth, suffix, says, gets):
    """To as many bits as it has."""
    like = Picture(from_pil(photo(16, 16)), depth=depth)
    with pytest.warns(UserWarning, match=says):
        write_picture(tmp_path / f"y{suffix}", like.image, like)
    assert read_picture(tmp_path / f"y{suffix}").depth == gets


@pytest.mark.parametrize(("suffix", "dtype"), KINDS)
def test_without_the_extra_colour_is_refused(tmp_path, monkeypatch, suffix, dtype):
    """The error names the extra; gray needs none, and nothing is ever cut to 8 bits."""
    colour = made_by_libvips(tmp_path / f"x{suffix}", levels(3, dtype))
    gray = made_by_libvips(tmp_path / f"y{suffix}", levels(1, dtype))
    monkeypatch.setitem(sys.modules, "pyvips", None)
    with pytest.raises(Error, match=r'pip install "i2sbkit\[hdr\]"'):
        read_picture(colour)
    picture = read_picture(gray)
    write_picture(gray, picture.image, picture)
    assert torch.equal(read_picture(gray).image, picture.image)


def test_white_may_be_zero(tmp_path):
    """A gray TIFF of 16 bits whose white is 0, which Pillow would read as a negative."""
    array = np.arange(12, dtype="<u2").reshape(3, 4) * 5000
    entries = [(256, 3, 1, 4), (257, 3, 1, 3), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 0), (273, 4, 1, 122)]
    entries += [(277, 3, 1, 1), (278, 3, 1, 3), (279, 4, 1, 24)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    path = tmp_path / "x.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + array.tobytes())
    picture = read_picture(path)
    write_picture(tmp_path / "y.tif", picture.image, picture)
    assert np.array_equal(by_libvips(tmp_path / "y.tif")[..., 0], 65535 - array)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_file_that_changed_is_read_anew(tmp_path, suffix):
    """libvips remembers files by their names; what it remembers is not taken."""
    for seed in (3, 4):
        array = levels(seed)
        picture = read_picture(made_by_libvips(tmp_path / f"x{suffix}", array))
        assert np.array_equal(((picture.image[0].numpy() + 1) * 32767.5).round(), array[..., 0])


def test_pages_are_warned_of(tmp_path):
    """Of a deep TIFF too the first is read."""
    two = np.concatenate([levels(3), levels(3)[::-1]])
    image = pyvips.Image.new_from_array(two, interpretation="rgb16").copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", 150)
    image.write_to_file(str(tmp_path / "x.tif"))
    with pytest.warns(UserWarning, match="several frames or pages"):
        assert read_picture(tmp_path / "x.tif").image.shape == (3, 150, 23)


def test_gray_with_a_transparent_level(tmp_path):
    """A tRNS chunk of a 16-bit gray PNG."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 0, 0, 0, 0)), (b"tRNS", struct.pack(">H", 700))]
    chunks += [(b"IDAT", zlib.compress(b"\0" + struct.pack(">HH", 700, 9000))), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    picture = read_picture(tmp_path / "x.png")
    assert picture.alpha[0, 0].tolist() == [0, 1]
    assert picture.depth == 16


@pytest.mark.parametrize(
    ("tag", "value", "says"),
    [
        (258, 12, "12 bits of sample format 1"),
        (339, 2, "16 bits of sample format 2"),
        (262, 8, "colours of the kind 8 in 16 bits"),
        (277, 3, "3 channels"),
        (277, 2, "a further channel that is no transparency, or multiplied into the colours"),
    ],
)
def test_deep_tiffs_of_other_kinds_are_refused(tmp_path, tag, value, says):
    """12 bits would come back four bits too dark, signed numbers and spot colours as nonsense; each is named."""
    path = made_by_libvips(tmp_path / "x.tif", levels(1))
    data = path.read_bytes()
    at = data.index(struct.pack("<HHI", tag, 3, 1))
    path.write_bytes(data[: at + 8] + struct.pack("<H", value) + data[at + 10 :])
    with pytest.raises(Error, match=f"{says}; convert it to RGB of 16 bits first"):
        read_picture(path)
