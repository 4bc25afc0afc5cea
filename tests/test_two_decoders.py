"""Pictures that are learned from are decoded as those that are restored."""

import io
import warnings

import pytest
import torch
from photographs import picture
from PIL import Image
from test_picture_files import cmyk_profile

from i2sbkit.pictures.files import read_picture
from i2sbkit.sources.shards import decode
from i2sbkit.sources.skipping import Damaged

EXIF = Image.Exif()
EXIF[274] = 6  # turned by 90 degrees


@pytest.mark.parametrize(
    ("mode", "kind", "more"),
    [
        ("RGB", "JPEG", {"exif": EXIF}),
        ("RGB", "TIFF", {"exif": EXIF}),
        ("RGB", "MPO", {"save_all": True, "append_images": [picture(1)]}),
        ("L", "JPEG", {}),
        ("P", "PNG", {"exif": EXIF}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("LA", "PNG", {}),
        ("1", "BMP", {}),
        ("CMYK", "JPEG", {"icc_profile": cmyk_profile()}),
        ("CMYK", "TIFF", {"icc_profile": cmyk_profile()}),
    ],
)
def test_training_sees_the_pixels_that_restoring_sees(mode, kind, more, tmp_path):
    """Whatever 8-bit kind it is: upright, gray as RGB, CMYK through its profile."""
    path = tmp_path / "x"
    picture(0).convert(mode).save(path, kind, **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        restored = read_picture(path).image
    assert torch.equal(decode(path.read_bytes(), "x"), ((restored + 1) * 127.5).round().to(torch.uint8))


def test_cmyk_without_a_profile_is_no_picture_to_learn_from():
    """Nobody knows its colours; it is left out as what is damaged, and does not end a training."""
    file = io.BytesIO()
    picture(0).convert("CMYK").save(file, "JPEG")
    with pytest.raises(Damaged, match=r"^s\.tar: k: not a readable picture \(CMYK without a colour profile"):
        decode(file.getvalue(), "s.tar", "k")


@pytest.mark.parametrize(
    "damage", [b"Exif\x00\x00II*\x00\xff\xff\xff\x7f", b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff"]
)
def test_damaged_exif_costs_no_photograph(damage):
    """It is decoded as it lies, without a word: of metadata nothing else is wanted."""
    file = io.BytesIO()
    picture(0).save(file, "JPEG", exif=damage)
    assert decode(file.getvalue(), "x").shape == (3, 30, 40)
