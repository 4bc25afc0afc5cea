"""Files to tensors and back: nothing of a picture is changed on the way, or it is refused."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from working_weights import photo

from i2sbkit import Error, from_pil, to_pil
from i2sbkit.images import FORMATS, Picture, from_uint8, read_picture, to_uint8, write_picture

LOSSLESS = [suffix for suffix, kind in FORMATS.items() if kind != "JPEG"]


def refusal(path):
    """What reading a file says, which is one line with its name."""
    with pytest.raises(Error) as caught:
        read_picture(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def saved(path, image, **options):
    image.save(path, **options)
    return path


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


def test_every_8_bit_value_comes_back():
    """uint8 -> [-1, 1] -> uint8 is the identity; 0 is -1 and 255 is 1."""
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(from_uint8(values)), values)
    assert from_uint8(values)[[0, 255]].tolist() == [-1.0, 1.0]


@pytest.mark.parametrize(("level", "expected"), [(254.6, 255), (254.4, 254), (255.0, 255), (0.4, 0), (300, 255), (-9, 0)])
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


def exif_with(orientation, width=None):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Maker"
    if width:  # as some phones write; in a TIFF it is the file's layout
        exif[ExifTags.Base.ImageWidth] = width
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ExposureTime: 0.25, ExifTags.Base.ExifImageWidth: 7}
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    return exif.tobytes()


@pytest.mark.parametrize("out", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_exif_is_kept_and_orientation_applied_once(tmp_path, suffix, out):
    """A turned photograph is read upright; the copy keeps its EXIF, but is not turned again by its reader."""
    image = photo(24, 16)
    options = {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {"lossless": True} if suffix == ".webp" else {}
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


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_truncated_file_is_refused(tmp_path, suffix):
    """Half a file is never taken for a picture."""
    path = saved(tmp_path / f"x{suffix}", photo(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refusal(path)


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
    whole, path, rng = saved(tmp_path / f"x{suffix}", photo(24, 16), **options).read_bytes(), tmp_path / "y", random.Random(0)
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
