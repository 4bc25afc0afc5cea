"""Files of more than 8 bits a channel: found by their headers, read without loss.

Pillow opens 16-bit RGB as 8-bit RGB without a word, and knows no TIFF of floats in colour. It reads gray of 16 bits and
floats well; the rest is read by libvips, which the extra [hdr] brings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import ExifTags, Image

from ..kernel.errors import Error
from ..metadata import ICC_TAG, XMP_TAG, exif_dpi

PNG_GRAY = 0
"""The colour type of gray without alpha (PNG 11.2.2)."""
TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
"""Photometric interpretations of TIFF that are read here."""
UNSIGNED, FLOAT = 1, 3
"""Sample formats of TIFF that are read here."""
STRAIGHT_ALPHA = 2
"""The kind of extra sample that is transparency, not multiplied into the colours."""


@dataclass(frozen=True)
class Deep:
    """What the header of a file with more than 8 bits a channel says.

    Attributes:
        size: width and height.
        by_pillow: Pillow reads it without loss.
    """

    kind: Literal["PNG", "TIFF"]
    size: tuple[int, int]
    by_pillow: bool


def find_deep(path: Path) -> Deep | None:
    """What a PNG or TIFF of more than 8 bits says of itself; None for all other files.

    Raises:
        Error: a TIFF of a kind whose pixels would not come back unharmed.
    """
    with path.open("rb") as file:
        head = file.read(26)
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) == 26:
        size = (int.from_bytes(head[16:20]), int.from_bytes(head[20:24]))
        depth, colour = head[24], head[25]
        return Deep("PNG", size, colour == PNG_GRAY) if depth == 16 else None
    return _of_tiff(tiff_tags(path)) if head.startswith(TIFF_HEADS) else None


def tiff_tags(path: Path) -> Image.Exif:
    """The tags of the first picture of a TIFF file, those of its layout among them."""
    tags = Image.Exif()
    with path.open("rb") as file:
        head = file.read(16)
        tags.endian = "<" if head.startswith(b"II") else ">"
        tags.bigtiff = b"+" in head[:4]
        offset = head[8:16] if tags.bigtiff else head[4:8]
        tags.load_from_fp(file, int.from_bytes(offset, "little" if tags.endian == "<" else "big"))
        for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop):
            tags.get_ifd(directory)  # while the file is open
    return tags


def _of_tiff(tags: Image.Exif) -> Deep | None:
    def numbers(tag: int, default: int) -> tuple[int, ...]:
        value = tags.get(tag, default)
        return value if isinstance(value, tuple) else (value,)

    bits = max(numbers(ExifTags.Base.BitsPerSample, 1))
    if bits <= 8:
        return None
    floats = numbers(ExifTags.Base.SampleFormat, UNSIGNED)[0]
    photometric = tags.get(ExifTags.Base.PhotometricInterpretation, BLACK_IS_ZERO)
    channels = tags.get(ExifTags.Base.SamplesPerPixel, 1)
    extra = channels - (3 if photometric == RGB else 1)
    wrong = []
    if (floats, bits) not in ((UNSIGNED, 16), (FLOAT, 32)):
        wrong.append(f"{bits} bits of sample format {floats}")
    if photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
        wrong.append(f"colours of the kind {photometric} in {bits} bits")
    elif extra not in (0, 1):
        wrong.append(f"{channels} channels")
    elif extra and numbers(ExifTags.Base.ExtraSamples, 0) != (STRAIGHT_ALPHA,):
        wrong.append("a further channel that is no transparency, or multiplied into the colours")
    if wrong:
        raise Error(f"a TIFF with {', '.join(wrong)}; convert it to RGB of 16 bits first")
    size = (tags.get(ExifTags.Base.ImageWidth, 0), tags.get(ExifTags.Base.ImageLength, 0))
    return Deep("TIFF", size, channels == 1 and photometric == BLACK_IS_ZERO)


def tiff_info(tags: Image.Exif) -> dict[str, Any]:
    """What Pillow's `info` would say of a TIFF that it does not open."""
    return {"dpi": exif_dpi(tags), "icc_profile": tags.get(ICC_TAG), "xmp": tags.get(XMP_TAG)}


def read_deep(path: Path, deep: Deep) -> tuple[np.ndarray, bool]:
    """The levels (H, W, C), uint16 or float32, as they lie in the file; and whether further pages follow.

    Raises:
        Error: the extra is not installed.
        pyvips.Error: the file is damaged.
    """
    vips = _libvips()
    load = vips.Image.pngload if deep.kind == "PNG" else vips.Image.tiffload
    image = load(str(path), fail_on="error", revalidate=True)  # else a file of that name read before comes again
    pages = image.get("n-pages") if "n-pages" in image.get_fields() else 1
    array = image.numpy()
    array = array[..., None] if array.ndim == 2 else array
    if array.dtype not in (np.uint16, np.float32) or array.shape[2] > 4:
        raise Error(f"{array.shape[2]} channels of {array.dtype}; convert it to RGB of 16 bits first")
    return array, pages > 1


def _libvips() -> Any:
    try:
        import pyvips
    except (ImportError, OSError):  # OSError: pyvips is there, but no libvips
        raise Error(
            'colour of more than 8 bits, which Pillow would cut; pip install "i2sbkit[hdr]" to read it'
        ) from None
    return pyvips
