"""Files to tensors and back: nothing of a picture is changed on the way."""

import io

import numpy as np
import pytest
import torch
from pictures import exif_with, photo, saved
from PIL import ExifTags, Image

from i2sbkit import Error, from_pil, to_pil
from i2sbkit.images import FORMATS, Picture, from_uint8, read_picture, to_uint8, write_picture

LOSSLESS = [suffix for suffix, kind in FORMATS.items() if kind != "JPEG"]


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


@pytest.mark.parametrize("suffix", [*LOSSLESS, ".PNG", ".TIFF"])
@pytest.mark.parametrize("size", [(1, 1), (7, 300), (33, 17)])
def test_lossless_files_are_exact(tmp_path, suffix, size):
    """What is written to a lossless format is read back bit for bit, at any size."""
    tensor = from_pil(photo(*size))
    write_picture(tmp_path / f"x{suffix}", tensor)
    assert torch.equal(read_picture(tmp_path / f"x{suffix}").image, tensor)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_suffix_is_the_format(tmp_path, suffix):
    """A file is of the format that its name says."""
    write_picture(tmp_path / f"x{suffix}", from_pil(photo(16, 16)))
    with Image.open(tmp_path / f"x{suffix}") as file:
        assert file.format == FORMATS[suffix]


def test_jpeg_is_written_at_quality_95_without_subsampling(tmp_path):
    """A restored JPEG loses next to nothing to its own compression."""
    image = photo(64, 64)
    write_picture(tmp_path / "x.jpg", from_pil(image))
    reference = io.BytesIO()
    image.save(reference, "JPEG", quality=95, subsampling="4:4:4")
    assert (tmp_path / "x.jpg").read_bytes() == reference.getvalue()


def test_gray_stays_gray(tmp_path):
    """A gray file is read as RGB and written gray again, bit for bit."""
    image = photo(20, 30).convert("L")
    picture = read_picture(saved(tmp_path / "x.png", image))
    assert picture.gray
    assert picture.image.shape == (3, 30, 20)
    write_picture(tmp_path / "y.png", picture.image, picture)
    with Image.open(tmp_path / "y.png") as file:
        assert file.mode == "L"
        assert np.array_equal(np.asarray(file), np.asarray(image))


@pytest.mark.parametrize("out", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_exif_is_kept_and_orientation_applied_once(tmp_path, suffix, out):
    """A turned photograph is read upright; the copy keeps its EXIF, but is not turned again by its reader."""
    image = photo(24, 16)
    options = (
        {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {"lossless": True} if suffix == ".webp" else {}
    )
    exif = exif_with(6, width=None if suffix == ".tif" else 7)
    picture = read_picture(saved(tmp_path / f"x{suffix}", image, exif=exif, **options))
    upright = from_pil(image.transpose(Image.Transpose.ROTATE_270))
    assert picture.image.shape == (3, 24, 16)
    assert (picture.image - upright).abs().mean() < 0.02
    write_picture(tmp_path / f"y{out}", picture.image, picture)
    with Image.open(tmp_path / f"y{out}") as file:
        assert file.size == (16, 24)
        exif = file.getexif()
        assert exif[ExifTags.Base.Make] == "Maker"
        assert ExifTags.Base.Orientation not in exif
        assert exif.get_ifd(ExifTags.IFD.GPSInfo) == {ExifTags.GPS.GPSLatitudeRef: "N"}
        assert exif.get_ifd(ExifTags.IFD.Exif) == {ExifTags.Base.ExposureTime: 0.25}
    assert (read_picture(tmp_path / f"y{out}").image - picture.image).abs().mean() < 0.02


def test_a_file_without_exif_gets_none(tmp_path):
    """No empty EXIF block is made up."""
    picture = read_picture(saved(tmp_path / "x.png", photo(8, 8)))
    assert picture.metadata == {}


@pytest.mark.parametrize("out", [".jpg", ".png", ".webp", ".tif"])
def test_the_colour_profile_is_kept(tmp_path, out):
    """An ICC profile goes with the picture."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read_picture(saved(tmp_path / "x.png", photo(8, 8), icc_profile=profile))
    write_picture(tmp_path / f"y{out}", picture.image, picture)
    with Image.open(tmp_path / f"y{out}") as file:
        assert file.info["icc_profile"] == profile


@pytest.mark.parametrize("name", ["x", "x.gif", "x.heic"])
def test_other_formats_are_not_written(tmp_path, name):
    """An unknown suffix is refused, naming the known ones."""
    with pytest.raises(Error, match=r"take one of .*\.png"):
        write_picture(tmp_path / name, torch.zeros(3, 4, 4))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("existing", [b"before", None])
def test_never_half_written(tmp_path, monkeypatch, existing):
    """Where saving fails on the way, the target is as it was and nothing else is left behind."""
    target = tmp_path / "new" / "x.png" if existing is None else tmp_path / "x.png"
    if existing:
        target.write_bytes(existing)

    def fail(image, path, *args, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        write_picture(target, torch.zeros(3, 4, 4))
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == ([target] if existing else [])
    assert existing is None or target.read_bytes() == existing


def test_what_a_format_cannot_hold_is_an_error(tmp_path):
    """EXIF too long for JPEG is an Error that says what to do, and leaves nothing behind."""
    like = Picture(torch.zeros(3, 4, 4), metadata={"exif": b"Exif\0\0" + bytes(70_000)})
    with pytest.raises(Error, match="take another suffix"):
        write_picture(tmp_path / "x.jpg", like.image, like)
    assert list(tmp_path.iterdir()) == []


def test_names_as_long_as_allowed(tmp_path):
    """A name of 255 bytes can be written, though it leaves no room to lengthen it."""
    target = tmp_path / ("x" * 251 + ".png")
    write_picture(target, torch.zeros(3, 4, 4))
    assert target.is_file()
