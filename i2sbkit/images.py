"""Pictures as tensors: 8-bit values, Pillow images and files to float32 in [-1, 1] and back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
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
}

READ_FORMATS = list(dict.fromkeys(FORMATS.values()))
"""What may be in a file, whatever its suffix: no other decoder of Pillow is let loose on it."""

KEPT_TAGS = [
    getattr(ExifTags.Base, name)
    for name in (
        "ImageDescription", "Make", "Model", "XResolution", "YResolution", "ResolutionUnit", "Software", "DateTime",
        "Artist", "HostComputer", "Copyright",
    )
]  # fmt: skip
"""EXIF that describes the photograph; the other tags of its first directory describe how its file was laid out."""
KEPT_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
STALE_TAGS = (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight, ExifTags.IFD.Interop)
"""Tags of the Exif directory that a turned or enlarged picture makes wrong."""


@dataclass(frozen=True)
class Picture:
    """A picture from a file.

    Attributes:
        image: (3, H, W) in [-1, 1], upright.
        gray: the file has one channel.
        mask: (1, H, W), 1 where the file is not opaque; None where it is wholly opaque, or was not asked.
        metadata: EXIF and ICC profile, as Pillow's `save` takes them.
    """

    image: Tensor
    gray: bool = False
    mask: Tensor | None = None
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
    return uint8_to_pil(to_uint8(x))


def uint8_to_pil(values: Tensor) -> Image.Image:
    """8-bit values (3, H, W) as an RGB Pillow image."""
    return Image.fromarray(values.permute(1, 2, 0).contiguous().cpu().numpy())


def read_picture(path: Path, *, holes: bool = False) -> Picture:
    """Read an RGB or gray 8-bit file, turned upright by its EXIF orientation.

    Damaged metadata is warned of (`UserWarning`); what can be read of it is kept.

    Args:
        holes: what is transparent, even in part, is a hole: files with transparency are read, with a mask.

    Raises:
        Error: unreadable, truncated, or of a kind whose pixels would not come back unharmed (alpha, CMYK, 16 bits,
            animations).
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = _decode(path, holes)
    except Error:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Error(f"{path}: more pixels than Pillow takes for safe ({Image.MAX_IMAGE_PIXELS:,})") from None
    except UnidentifiedImageError:
        raise Error(f"{path}: not a picture that can be read here ({', '.join(READ_FORMATS)})") from None
    except Exception as error:  # on damaged files Pillow's decoders raise nearly everything
        raise Error(f"{path}: not a readable picture ({' '.join(str(error).split())})") from None
    if caught:
        warnings.warn(f"{path}: its metadata is damaged ({caught[0].message})", stacklevel=2)
    return picture


def _decode(path: Path, holes: bool) -> Picture:
    with Image.open(path, formats=READ_FORMATS) as file:
        check_kind(file, path, holes)
        metadata = {"icc_profile": file.info.get("icc_profile"), "exif": _read_exif(file)}
        image = ImageOps.exif_transpose(file)
        known = {key: value for key, value in metadata.items() if value}
        return Picture(from_pil(image), image.mode in ("L", "LA"), _holes(image) if holes else None, known)


def _holes(image: Image.Image) -> Tensor | None:
    """Where an image is not opaque, (1, H, W); None where it is nowhere."""
    if not image.has_transparency_data:
        return None
    alpha = torch.from_numpy(np.array(image.convert("RGBA").getchannel("A")))
    return (alpha < 255).float()[None] if (alpha < 255).any() else None


def check_kind(file: Image.Image, path: Path, holes: bool) -> None:
    """Refuse what would be changed silently on the way: alpha, palettes, CMYK, more than 8 bits, further frames.

    Raises:
        Error: what it is and what to do.
    """
    transparent = file.has_transparency_data
    plain = file.mode in ("RGB", "L") or (holes and transparent)
    kind = [] if plain else [f"mode {file.mode}"]
    kind += ["more than 8 bits"] if _bits(file, path) > 8 else []
    kind += ["transparent"] if transparent and not holes else []
    # MPO is a phone's JPEG with a preview or depth map behind it: the first picture is the photograph.
    kind += ["several frames or pages"] if file.format != "MPO" and getattr(file, "n_frames", 1) > 1 else []
    if kind:
        raise Error(f"{path}: not a plain 8-bit RGB or gray picture ({', '.join(kind)}); convert it first")


def _bits(file: Image.Image, path: Path) -> int:
    """Bits a channel as the file has them: Pillow opens 16-bit RGB as 8-bit RGB without a word."""
    if file.format == "PNG":
        with path.open("rb") as raw:
            return int(raw.read(25)[24])  # signature 8, chunk head 8, width 4, height 4, then the depth (PNG 11.2.2)
    if file.format == "TIFF":
        depths: tuple[int, ...] = getattr(file, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, (1,))
        return max(depths)
    return 8


def _read_exif(file: Image.Image) -> bytes | None:
    """What a file's EXIF says of the photograph, without its orientation and thumbnail; None where it says nothing."""
    found, kept = file.getexif(), Image.Exif()
    try:
        for tag in KEPT_TAGS:
            if tag in found:
                kept[tag] = found[tag]
        for directory in KEPT_DIRECTORIES:
            if tags := {tag: value for tag, value in found.get_ifd(directory).items() if tag not in STALE_TAGS}:
                kept[directory] = tags
        return kept.tobytes() if len(kept) else None
    except Exception as error:  # as varied as the damage
        warnings.warn(f"EXIF: {error}", stacklevel=2)
        return None


def write_picture(path: Path, image: Tensor, like: Picture | None = None, holes: Tensor | None = None) -> None:
    """Write (3, H, W) in [-1, 1] as 8 bits, atomically, in the format of the suffix, with the metadata of `like`.

    Args:
        holes: (1, H, W), what is transparent.

    Raises:
        Error: a suffix that is not in `FORMATS`, or a picture or metadata too large for its format.
    """
    if path.suffix.lower() not in FORMATS:
        raise Error(f"{path}: cannot write {path.suffix or 'a file without suffix'}; take one of {' '.join(FORMATS)}")
    kind = FORMATS[path.suffix.lower()]
    picture = to_pil(image)
    if like and like.gray:
        picture = Image.fromarray(to_uint8(image.mean(dim=0)).cpu().numpy())
    if holes is not None:
        picture.putalpha(Image.fromarray(to_uint8(1 - 2 * holes[0]).cpu().numpy()))
    metadata = {key: value for key, value in (like.metadata if like else {}).items() if kind != "BMP"}
    with atomic(path) as temporary:
        try:
            picture.save(temporary, kind, **SAVE_OPTIONS.get(kind, {}), **metadata)
        except ValueError as error:
            raise Error(f"{path}: cannot be written as {kind} ({error}); take another suffix, such as .png") from None
