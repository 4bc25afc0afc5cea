"""Files to tensors and back, format by format: what is promised in docs/files.md."""

import io

import numpy as np
import pytest
import pyvips
import torch
from pictures import photo, pixels, saved
from PIL import Image, ImageCms

from i2sbkit import Error, from_pil
from i2sbkit.images import FORMATS
from i2sbkit.pictures.files import Encoding, read_picture, write_picture

LOSSLESS = [suffix for suffix, kind in FORMATS.items() if kind not in ("JPEG", "AVIF")]


def cmyk_profile():
    """The profile of CMYK that libvips brings."""
    return bytes(pyvips.Operation.call("profile_load", "cmyk"))


@pytest.mark.parametrize("suffix", [*LOSSLESS, ".PNG", ".TIFF"])
@pytest.mark.parametrize("size", [(1, 1), (7, 300), (33, 17)])
def test_lossless_files_are_exact(tmp_path, suffix, size):
    """What is written to a lossless format is read back bit for bit, at any size."""
    tensor = from_pil(photo(*size))
    write_picture(tmp_path / f"x{suffix}", tensor)
    assert torch.equal(read_picture(tmp_path / f"x{suffix}").image, tensor)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_suffix_is_the_format(tmp_path, suffix):
    """A file is of the format that its name says, and reading it says which that is."""
    write_picture(tmp_path / f"x{suffix}", from_pil(photo(16, 16)))
    with Image.open(tmp_path / f"x{suffix}") as file:
        assert file.format == FORMATS[suffix]
    assert read_picture(tmp_path / f"x{suffix}").format == FORMATS[suffix]


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tif", "bmp", "avif"])
def test_an_encoding_says_the_format(tmp_path, format):
    """Its suffix is for names, and its format goes before that of the name."""
    encoding = Encoding(format)
    assert FORMATS[encoding.suffix] == FORMATS[f".{format}"]
    write_picture(tmp_path / "x.png", from_pil(photo(16, 16)), encoding=encoding)
    with Image.open(tmp_path / "x.png") as file:
        assert file.format == FORMATS[f".{format}"]


@pytest.mark.parametrize("wrong", [{"format": "gif"}, {"jpeg_quality": 0}, {"jpeg_quality": 101}])
def test_a_wrong_encoding_is_an_error(wrong):
    """Which says what is taken."""
    with pytest.raises(Error, match=r"take one of png, jpg|is 1 to 100"):
        Encoding(**wrong)


@pytest.mark.parametrize("quality", [None, 60])
def test_jpeg_quality(tmp_path, quality):
    """JPEG is written at quality 95 unless told otherwise, never with coarser colours (4:4:4)."""
    image = photo(64, 64)
    write_picture(
        tmp_path / "x.jpg", from_pil(image), encoding=Encoding(jpeg_quality=quality) if quality else Encoding()
    )
    reference = io.BytesIO()
    image.save(reference, "JPEG", quality=quality or 95, subsampling="4:4:4")
    assert (tmp_path / "x.jpg").read_bytes() == reference.getvalue()


def test_avif_is_near_lossless(tmp_path):
    """No value is off by more than 16 of 255, the mean by less than 2."""
    tensor = from_pil(photo(96, 64))
    write_picture(tmp_path / "x.avif", tensor)
    off = (read_picture(tmp_path / "x.avif").image - tensor).abs() * 127.5
    assert off.max() <= 16
    assert off.mean() < 2


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp"])
def test_gray_stays_gray(tmp_path, suffix):
    """A gray file is read as RGB and written gray again."""
    path = saved(tmp_path / f"x{suffix}", photo(20, 30).convert("L"))
    picture = read_picture(path)
    assert picture.gray
    assert picture.image.shape == (3, 30, 20)
    write_picture(tmp_path / f"y{suffix}", picture.image, picture)
    with Image.open(tmp_path / f"y{suffix}") as file:
        assert file.mode == "L"
    off = np.abs(pixels(tmp_path / f"y{suffix}").astype(int) - pixels(path))
    assert off.mean() < 2 if suffix == ".jpg" else not off.any()


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_formats_without_gray_write_it_in_rgb(tmp_path, suffix):
    """The three channels are the same, within what the format loses."""
    picture = read_picture(saved(tmp_path / "x.png", photo(20, 30).convert("L")))
    write_picture(tmp_path / f"y{suffix}", picture.image, picture)
    back = read_picture(tmp_path / f"y{suffix}").image
    assert (back - back.mean(dim=0)).abs().max() * 127.5 < 1
    assert (back - picture.image).abs().max() * 127.5 < (6 if suffix == ".avif" else 0.5)


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_a_profile_of_gray_is_not_put_on_rgb(tmp_path, suffix):
    """Where gray is written as RGB, its profile would not fit; left out with a warning, and kept where gray stays."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"RGB ", b"GRAY", 1)
    picture = read_picture(saved(tmp_path / "x.png", photo(8, 8).convert("L"), icc_profile=profile))
    with pytest.warns(UserWarning, match="its colour profile is of GRAY, the pixels are RGB; left out"):
        write_picture(tmp_path / f"y{suffix}", picture.image, picture)
    assert read_picture(tmp_path / f"y{suffix}").metadata.icc is None
    write_picture(tmp_path / "y.tif", picture.image, picture)
    assert read_picture(tmp_path / "y.tif").metadata.icc == profile


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif"])
def test_of_several_frames_the_first_is_read(tmp_path, suffix):
    """With a warning, as the others are lost."""
    image = photo(16, 16)
    options = {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    path = saved(tmp_path / f"x{suffix}", image, **options)
    with pytest.warns(UserWarning, match=f"{path}: several frames or pages; the first is read"):
        picture = read_picture(path)
    assert (picture.image - from_pil(image)).abs().mean() < 0.1


def test_a_phones_jpeg_with_a_second_picture_is_read(tmp_path):
    """Of an MPO file the first picture is the photograph, and a JPEG."""
    image = photo(16, 16)
    path = saved(tmp_path / "x.jpg", image, format="MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))])
    picture = read_picture(path)
    assert (picture.image - from_pil(image)).abs().mean() < 0.1
    assert picture.format == "JPEG"


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted_by_its_profile(tmp_path, suffix):
    """It comes out as RGB with sRGB's profile, near the colours it was made of; a warning says so."""
    colours = Image.fromarray(np.repeat(np.repeat([[[90, 110, 130], [140, 130, 120]]], 8, 0), 8, 1).astype(np.uint8))
    srgb, profile = ImageCms.createProfile("sRGB"), cmyk_profile()
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    printed = ImageCms.profileToProfile(
        colours, srgb, ImageCms.ImageCmsProfile(io.BytesIO(profile)), renderingIntent=intent, outputMode="CMYK"
    )
    path = saved(tmp_path / f"x{suffix}", printed, icc_profile=profile)
    with pytest.warns(UserWarning, match=f"{path}: CMYK, converted by its profile to RGB"):
        picture = read_picture(path)
    assert (picture.image - from_pil(colours)).abs().max() * 127.5 < 12
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(picture.metadata.icc)))
    write_picture(tmp_path / f"y{suffix}", picture.image, picture)
    with Image.open(tmp_path / f"y{suffix}") as file:
        assert file.mode == "RGB"


@pytest.mark.parametrize("mode", ["L", "I;16", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("orientation", [6, 8])
def test_a_plain_tiff_is_turned(tmp_path, mode, orientation):
    """Its rows come out as rows, though Pillow mistakes them where it maps such a file into memory."""
    gray = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32)
    image = Image.fromarray(gray) if mode == "I;16" else Image.fromarray((gray % 251).astype(np.uint8)).convert(mode)
    path = saved(tmp_path / "x.tif", image, tiffinfo={274: orientation})
    white, levels = (65535, gray) if mode == "I;16" else (255, gray % 251)
    read = ((read_picture(path).image[0] + 1) * white / 2).round().numpy()
    assert np.array_equal(read, np.rot90(levels, -1 if orientation == 6 else 1))


def test_a_wrong_suffix_is_warned_of(tmp_path):
    """The file is read as what it is."""
    path = saved(tmp_path / "x.jpg", photo(8, 8), format="PNG")
    with pytest.warns(UserWarning, match=f"{path}: holds PNG, though its name says JPEG"):
        assert torch.equal(read_picture(path).image, from_pil(photo(8, 8)))


def test_what_avif_loses_is_warned_of(tmp_path):
    """More than 8 bits, and colours that only a number names."""
    levels = np.full((64, 64, 3), 30_000, np.uint16)
    path = tmp_path / "x.avif"
    pyvips.Image.new_from_array(levels, interpretation="rgb16").heifsave(str(path), compression="av1", bitdepth=10)
    with pytest.warns(UserWarning, match=f"{path}: 10 bits a channel, of which Pillow reads 8"):
        read_picture(path)
    plain = saved(tmp_path / "y.avif", photo(16, 16)).read_bytes()
    at = plain.index(b"colrnclx") + 8
    path.write_bytes(plain[:at] + b"\0\x0c" + plain[at + 2 :])  # 12: the primaries of Display P3
    with pytest.warns(UserWarning, match=f"{path}: colours of CICP 12/13 without a profile"):
        read_picture(path)


@pytest.mark.parametrize(("suffix", "side"), [(".jpg", 65_501), (".webp", 16_384), (".avif", 32_769)])
def test_pictures_longer_than_a_format_holds_are_an_error(tmp_path, capfd, suffix, side):
    """One line that names another format; nothing is written, not even by the library."""
    with pytest.raises(Error, match=r"pixels a side, the picture has .*; take \.png or \.tif"):
        write_picture(tmp_path / f"x{suffix}", torch.zeros(3, 1, side))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""


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


def test_names_as_long_as_allowed(tmp_path):
    """A name of 255 bytes can be written, though it leaves no room to lengthen it."""
    target = tmp_path / ("x" * 251 + ".png")
    write_picture(target, torch.zeros(3, 4, 4))
    assert target.is_file()
