"""Pictures as tensors: 8-bit values, Pillow images and files to float32 in [-1, 1] and back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from .files import atomic
from .kernel.errors import Error

FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP",
}  # fmt: skip
"""File suffixes that count as pictures, and the format written for each."""

SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}


@dataclass(frozen=True)
class Picture:
    """A picture from a file.

    Attributes:
        image: (3, H, W) in [-1, 1], upright.
        gray: the file has one channel.
        metadata: EXIF and ICC profile, as Pillow's `save` takes them.
    """

    image: Tensor
    gray: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


def from_uint8(values: Tensor) -> Tensor:
    """8-bit values 0..255 as float32 in [-1, 1]: v / 127.5 - 1."""
    return values.to(torch.float32) / 127.5 - 1


def to_uint8(x: Tensor) -> Tensor:
    """Float values, clamped to [-1, 1], as the nearest 8-bit values: rounded, so that white stays white."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_pil(image: Image.Image) -> Tensor:
    """A Pillow image as RGB (3, H, W), float32 in [-1, 1]."""
    array = np.asarray(image.convert("RGB"))
    return from_uint8(torch.from_numpy(array.copy()).permute(2, 0, 1)).contiguous()


def to_pil(x: Tensor) -> Image.Image:
    """(3, H, W) in [-1, 1], clamped and rounded, as an 8-bit RGB Pillow image."""
    return Image.fromarray(to_uint8(x).permute(1, 2, 0).contiguous().cpu().numpy())


def read_picture(path: Path) -> Picture:
    """Read an RGB or gray 8-bit file, turned upright by its EXIF orientation.

    Raises:
        Error: unreadable, truncated, or of a kind whose pixels would not come back unharmed (alpha, CMYK, 16 bits).
    """
    try:
        with warnings.catch_warnings(), Image.open(path) as file:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            check_kind(file, path)
            image = ImageOps.exif_transpose(file)
            metadata = {"icc_profile": file.info.get("icc_profile"), "exif": image.getexif().tobytes() or None}
            tensor, gray = from_pil(image), image.mode == "L"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Error(f"{path}: more pixels than Pillow takes for safe ({Image.MAX_IMAGE_PIXELS:,})") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Error(f"{path}: not a readable picture ({error})") from None
    return Picture(tensor, gray, {key: value for key, value in metadata.items() if value})


def check_kind(file: Image.Image, path: Path) -> None:
    """Refuse what would be changed silently on the way: alpha, palettes, CMYK, more than 8 bits.

    Raises:
        Error: what it is and what to do.
    """
    # Pillow opens 16-bit RGB files as 8-bit RGB without a word.
    deep = file.format == "PNG" and "16" in str(file.tile[0][3] if file.tile else "")
    deep |= file.format == "TIFF" and max(getattr(file, "tag_v2", {}).get(258, (8,))) > 8
    if file.mode not in ("RGB", "L") or deep or "transparency" in file.info:
        kind = (
            f"{file.mode}{', more than 8 bits' if deep else ''}{', transparent' if 'transparency' in file.info else ''}"
        )
        raise Error(f"{path}: not a plain 8-bit RGB or gray picture ({kind}); convert it first")


def write_picture(path: Path, image: Tensor, like: Picture | None = None) -> None:
    """Write (3, H, W) in [-1, 1] as 8 bits, atomically, in the format of the suffix, with the metadata of `like`.

    Raises:
        Error: a suffix that is not in `FORMATS`.
    """
    if path.suffix.lower() not in FORMATS:
        raise Error(f"{path}: cannot write {path.suffix or 'a file without suffix'}; take one of {' '.join(FORMATS)}")
    kind = FORMATS[path.suffix.lower()]
    picture = to_pil(image)
    if like and like.gray:
        picture = Image.fromarray(to_uint8(image.mean(dim=0)).cpu().numpy())
    metadata = {key: value for key, value in (like.metadata if like else {}).items() if kind != "BMP"}
    with atomic(path) as temporary:
        picture.save(temporary, kind, **SAVE_OPTIONS.get(kind, {}), **metadata)
