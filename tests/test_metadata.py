"""EXIF, XMP, colour profiles and resolution go with the picture, for the picture as it is then."""

import io
import struct

import numpy as np
import pytest
import torch
from pictures import exif_with, photo, saved
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from i2sbkit import Error, from_pil
from i2sbkit.images import Picture
from i2sbkit.metadata import Metadata, upright_xmp
from i2sbkit.pictures.files import read_picture, write_picture

HOLDING = [".jpg", ".png", ".webp", ".tif", ".avif"]
"""Suffixes of the formats that hold all of it."""
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:title="T"/></x:xmpmeta>'
FINE = {".jpg": {"quality": 100, "subsampling": 0}, ".webp": {"lossless": True}, ".avif": {"quality": 95}}
TURNS = [
    Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90,
]  # fmt: skip
"""What turns a picture of orientation 2 to 8 upright."""


def srgb():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def xmp_options(suffix, xmp):
    """How Pillow is told to write XMP."""
    if suffix == ".png":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return {"pnginfo": info}
    return {"tiffinfo": {700: xmp}} if suffix == ".tif" else {"xmp": xmp}


def xmp_in(path):
    """The packet of a file, as Pillow finds it."""
    with Image.open(path) as file:
        found = file.info.get("xmp") or file.info.get("XML:com.adobe.xmp")
    return found.encode() if isinstance(found, str) else found


def copied(path, out, scale=1):
    """A file read and written under another name, each pixel `scale` times."""
    picture = read_picture(path)
    write_picture(out, picture.image.repeat_interleave(scale, 1).repeat_interleave(scale, 2), picture)
    return out


@pytest.mark.parametrize("out", HOLDING)
@pytest.mark.parametrize("suffix", HOLDING)
def test_exif_is_kept_and_orientation_applied_once(tmp_path, suffix, out):
    """A turned photograph is read upright; the copy keeps its EXIF, but is not turned again by its reader."""
    image = photo(24, 16)
    exif = exif_with(6, width=None if suffix == ".tif" else 7)
    picture = read_picture(saved(tmp_path / f"x{suffix}", image, exif=exif, **FINE.get(suffix, {})))
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


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_every_orientation_is_upright(tmp_path, suffix, orientation):
    """Mirrored ones too; and a picture whose orientation is no orientation is left as it is."""
    image = photo(24, 16)
    picture = read_picture(saved(tmp_path / f"x{suffix}", image, exif=exif_with(orientation)))
    assert torch.equal(picture.image, from_pil(image.transpose(TURNS[orientation - 2])))
    odd = read_picture(saved(tmp_path / f"y{suffix}", image, exif=exif_with(9)))
    assert torch.equal(odd.image, from_pil(image))


@pytest.mark.parametrize("out", [".jpg", ".png", ".webp", ".avif"])
def test_which_rgb_a_camera_says_is_kept(tmp_path, out):
    """AdobeRGB without a profile: the interoperability index R03 in EXIF, and no colour is touched."""
    exif = Image.Exif()
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ColorSpace: 65535, ExifTags.IFD.Interop: {1: "R03"}}
    path = copied(saved(tmp_path / "x.png", photo(8, 8), exif=exif), tmp_path / f"y{out}")
    with Image.open(path) as file:
        assert file.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] == 65535
        assert file.getexif().get_ifd(ExifTags.IFD.Interop) == {1: "R03"}


def test_a_file_without_metadata_gets_none(tmp_path):
    """No empty EXIF block is made up, and no resolution."""
    picture = read_picture(saved(tmp_path / "x.png", photo(8, 8)))
    assert picture.metadata == Metadata()
    write_picture(tmp_path / "y.jpg", picture.image, picture)
    with Image.open(tmp_path / "y.jpg") as file:
        assert file.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert file.info["jfif_unit"] == 0


@pytest.mark.parametrize("out", HOLDING)
@pytest.mark.parametrize("name", ["sRGB", "wide"])
def test_the_colour_profile_is_kept_and_no_pixel_is_shifted(tmp_path, name, out):
    """An ICC profile goes with the picture byte for byte; pixels are never converted to sRGB."""
    profile = srgb()
    if name == "wide":  # another gamut: red and blue change places
        profile = profile.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")
    path = saved(tmp_path / "x.png", photo(8, 8), icc_profile=profile)
    picture = read_picture(path)
    assert torch.equal(picture.image, from_pil(photo(8, 8)))
    write_picture(tmp_path / f"y{out}", picture.image, picture)
    with Image.open(tmp_path / f"y{out}") as file:
        assert file.info["icc_profile"] == profile
        if out in (".png", ".webp", ".tif"):
            assert np.array_equal(np.asarray(file), np.asarray(photo(8, 8)))


@pytest.mark.parametrize("out", HOLDING)
@pytest.mark.parametrize("suffix", HOLDING)
def test_xmp_is_kept(tmp_path, suffix, out):
    """Byte for byte, in every format that holds it."""
    path = saved(tmp_path / f"x{suffix}", photo(16, 16), **xmp_options(suffix, XMP))
    assert xmp_in(copied(path, tmp_path / f"y{out}")) == XMP


def test_xmp_with_exif_in_a_tiff(tmp_path):
    """Neither drives out the other."""
    image = photo(16, 16)
    like = Picture(from_pil(image), metadata=Metadata({ExifTags.Base.Make: "Maker"}, XMP))
    write_picture(tmp_path / "x.tif", like.image, like)
    assert read_picture(tmp_path / "x.tif").metadata == like.metadata


def test_xmp_says_nothing_of_the_old_layout():
    """Orientation and size go, as attributes and elements; all else stays."""
    stale = b'<a tiff:Orientation="6" b="c"/><tiff:Orientation>6</tiff:Orientation><exif:PixelXDimension>7'
    stale += b"</exif:PixelXDimension><tiff:Make>M</tiff:Make>"
    assert upright_xmp(stale) == b'<a b="c"/><tiff:Make>M</tiff:Make>'


def test_orientation_in_xmp_alone_is_applied_once(tmp_path):
    """A picture that only its XMP turns."""
    xmp = XMP.replace(b"dc:title", b'tiff:Orientation="6" dc:title')
    path = saved(tmp_path / "x.png", photo(24, 16), **xmp_options(".png", xmp))
    once = copied(path, tmp_path / "y.png")
    assert torch.equal(read_picture(once).image, from_pil(photo(24, 16).transpose(Image.Transpose.ROTATE_270)))
    assert xmp_in(once) == XMP


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("out", [".jpg", ".png", ".tif", ".bmp", ".webp", ".avif"])
def test_a_picture_keeps_its_size_on_paper(tmp_path, out, scale):
    """Dots an inch grow with the pixels: in the file's own place, and in EXIF, which is WebP's and AVIF's only one."""
    path = saved(tmp_path / "x.png", photo(16, 16), dpi=(300, 150))
    path = copied(path, tmp_path / f"y{out}", scale)
    with Image.open(path) as file:
        exif = file.getexif()
        found = file.info.get("dpi") or (exif[ExifTags.Base.XResolution], exif[ExifTags.Base.YResolution])
    assert [round(float(value)) for value in found] == [300 * scale, 150 * scale]


def test_resolution_in_exif_agrees(tmp_path):
    """Readers that look there find the same, in inches."""
    exif = Image.Exif()
    exif[ExifTags.Base.XResolution], exif[ExifTags.Base.YResolution], exif[ExifTags.Base.ResolutionUnit] = 100, 100, 3
    exif[ExifTags.Base.Make] = "Maker"
    path = copied(saved(tmp_path / "x.jpg", photo(16, 16), exif=exif), tmp_path / "y.jpg", 2)
    with Image.open(path) as file:
        assert file.info["dpi"] == (508, 508)
        assert [file.getexif()[tag] for tag in (282, 283, 296)] == [508, 508, 2]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".avif"])
def test_resolution_in_exif_alone_is_kept(tmp_path, suffix):
    """Where the file's own place has none, or there is none: it is read from EXIF, and enlarged."""
    exif = Image.Exif()
    exif[ExifTags.Base.XResolution], exif[ExifTags.Base.YResolution], exif[ExifTags.Base.ResolutionUnit] = 100, 50, 3
    path = saved(tmp_path / f"x{suffix}", photo(16, 16), exif=exif)
    assert read_picture(path).metadata.dpi == (254, 127)
    assert read_picture(copied(path, tmp_path / f"y{suffix}", 4)).metadata.dpi == pytest.approx((1016, 508), abs=0.1)


def test_a_turned_picture_swaps_its_resolutions(tmp_path):
    """What was across is down."""
    picture = read_picture(saved(tmp_path / "x.tif", photo(24, 16), exif=exif_with(6), dpi=(300, 150)))
    assert picture.metadata.dpi == (150, 300)


def test_a_resolution_is_not_made_up(tmp_path):
    """Of a JPEG with EXIF that says nothing of it Pillow says 72 dpi; the copy does not."""
    path = saved(tmp_path / "x.jpg", photo(16, 16), exif=exif_with(1))
    with Image.open(path) as file:
        assert file.info["dpi"] == (72, 72)
    assert read_picture(path).metadata.dpi is None


@pytest.mark.parametrize("dpi", [(0, 300), (1e9, 1e9)])
def test_an_absurd_resolution_is_left_out(tmp_path, dpi):
    """No file can be said to have it."""
    path = saved(tmp_path / "x.tif", photo(16, 16), dpi=dpi)
    assert read_picture(path).metadata.dpi is None


def test_damaged_metadata_is_warned_of(tmp_path):
    """The picture is read all the same."""
    path = saved(tmp_path / "x.jpg", photo(16, 16), exif=exif_with(6))
    whole = path.read_bytes()
    count = whole.index(b"MM\0*") + 8
    path.write_bytes(whole[:count] + b"\xff\xff" + whole[count + 2 :])  # more tags than there are bytes
    with pytest.warns(UserWarning, match=f"{path}: its metadata is damaged"):
        assert read_picture(path).image.shape[0] == 3


@pytest.mark.parametrize("metadata", [Metadata({ExifTags.Base.Make: "M" * 70_000}), Metadata(xmp=b"x" * 70_000)])
def test_what_a_format_cannot_hold_is_an_error(tmp_path, metadata):
    """EXIF or XMP too long for JPEG is an Error that says what to do, and leaves nothing behind."""
    like = Picture(torch.zeros(3, 4, 4), metadata=metadata)
    with pytest.raises(Error, match="take another suffix"):
        write_picture(tmp_path / "x.jpg", like.image, like)
    assert list(tmp_path.iterdir()) == []
    write_picture(tmp_path / "x.png", like.image, like)


def test_the_thumbnail_is_left_out(tmp_path):
    """It shows the picture as it was."""
    thumbnail = io.BytesIO()
    photo(8, 8).save(thumbnail, "JPEG")
    first = struct.pack("<HHHI4sI", 1, ExifTags.Base.Make, 2, 4, b"Abc", 26)
    second = struct.pack("<HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(thumbnail.getvalue()), 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + thumbnail.getvalue()
    path = saved(tmp_path / "x.jpg", photo(16, 16), exif=exif)
    with Image.open(path) as file:
        assert file.getexif().get_ifd(ExifTags.IFD.IFD1)
    with Image.open(copied(path, tmp_path / "y.jpg")) as file:
        assert dict(file.getexif()) == {ExifTags.Base.Make: "Abc"}
        assert file.getexif().get_ifd(ExifTags.IFD.IFD1) == {}
