"""A file's pixels and metadata, by Pillow, or by libvips where Pillow would cut them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image

from ..images import FORMATS, pil_array
from ..kernel.errors import Error
from ..metadata import Metadata, read_metadata
from .avif import avif_notes
from .cmyk import cmyk_to_srgb
from .deep import Deep, find_deep, read_deep, tiff_info, tiff_tags

READ_FORMATS = list(dict.fromkeys(FORMATS.values()))
"""What may be in a file, whatever its suffix: no other decoder of Pillow is let loose on it."""
MOST_PIXELS = 250_000_000
"""Larger pictures are refused before a pixel is decoded: as tensors they would take 3 GB and more."""

UPRIGHT = {
    2: lambda levels: levels[:, ::-1],
    3: lambda levels: levels[::-1, ::-1],
    4: lambda levels: levels[::-1],
    5: lambda levels: levels.swapaxes(0, 1),
    6: lambda levels: np.rot90(levels, -1),
    7: lambda levels: levels[::-1, ::-1].swapaxes(0, 1),
    8: lambda levels: np.rot90(levels),
}
"""What turns (H, W, C) upright, by EXIF orientation (Exif 2.32, 4.6.4 A)."""


class Note(UserWarning):
    """What a user should know of a file."""


@dataclass(frozen=True)
class Decoded:
    """What is in a file.

    Attributes:
        levels: (H, W, C) as `images.from_array` takes them.
        format: as Pillow names it.
        orientation: by which the levels still have to be turned.
        frames: whether others follow.
    """

    levels: np.ndarray
    metadata: Metadata
    format: str
    orientation: Any
    frames: bool

    def upright(self) -> np.ndarray:
        """The levels, turned."""
        return _turned(self.levels, self.orientation)


def _turned(levels: np.ndarray, orientation: Any) -> np.ndarray:
    turn = UPRIGHT.get(orientation)
    return turn(levels) if turn else levels


def decode(path: Path) -> Decoded:
    """Decode a file by what is in it, whatever its name says.

    What a user should know of it is warned of as a `Note`; damaged metadata as any other warning.

    Raises:
        Exception: whatever the decoders raise; an `Error` for what is not decoded on purpose.
    """
    deep = find_deep(path)
    decoded = _by_libvips(path, deep) if deep and not deep.by_pillow else _by_pillow(path)
    named = FORMATS.get(path.suffix.lower(), decoded.format)
    if named != decoded.format:
        _note(f"holds {decoded.format}, though its name says {named}; read as what it is")
    if decoded.frames:
        _note("several frames or pages; the first is read, the others are left out")
    if decoded.levels.dtype == np.float32 and not np.isfinite(decoded.levels).all():
        raise Error("holds NaN or infinite values; put numbers there first")
    return decoded


def decode_rgb(data: bytes) -> np.ndarray:
    """The bytes of a file as (H, W, 3) of 8 bits, upright: what is learned from.

    Alpha and further frames are left out. Damaged metadata is warned of.

    Raises:
        Exception: as `decode`; an `Error` too for gray of more than 8 bits, which Pillow would turn white.
    """
    with _opened(io.BytesIO(data)) as (file, exif):
        if file.mode[0] in "IF":
            raise Error(f"more than 8 bits, Pillow mode {file.mode}: convert it first")
        image = cmyk_to_srgb(file)[0] if file.mode == "CMYK" else file
        levels = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
        return _turned(levels, exif.get(ExifTags.Base.Orientation, 1))


def read_format(path: Path) -> str:
    """A file's format by its header, as Pillow names it.

    Raises:
        Exception: as `decode`.
    """
    if deep := find_deep(path):
        return deep.kind
    with _of_any_size(), Image.open(path, formats=READ_FORMATS) as file:
        return _format(file)


def _format(file: Image.Image) -> str:
    """MPO is a phone's JPEG with previews or depth maps behind it."""
    return "JPEG" if file.format == "MPO" else str(file.format)


def _note(said: str) -> None:
    warnings.warn(said, Note, stacklevel=3)


def _by_pillow(path: Path) -> Decoded:
    """What Pillow reads without loss."""
    # an open file, not a path: of a path Pillow would map a plain TIFF into memory, and mistake one that is turned
    with path.open("rb") as data, _opened(data) as (file, exif):
        kind = _format(file)
        frames = file.format != "MPO" and getattr(file, "n_frames", 1) > 1  # of an MPO the first is the photograph
        for note in avif_notes(path) if kind == "AVIF" else ():
            _note(note)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        file.load()  # turns a TIFF upright, and takes the orientation from its EXIF
        metadata = read_metadata(exif, file.info, kind, orientation)
        image: Image.Image = file
        if file.mode == "CMYK":
            image, srgb = cmyk_to_srgb(file)
            metadata = replace(metadata, icc=srgb)
            _note("CMYK, converted by its profile to RGB (sRGB)")
        return Decoded(pil_array(image), metadata, kind, exif.get(ExifTags.Base.Orientation, 1), frames)


def _by_libvips(path: Path, deep: Deep) -> Decoded:
    """What only libvips reads without loss."""
    _check_size(*deep.size)
    if deep.kind == "PNG":
        with _of_any_size(), Image.open(path, formats=["PNG"]) as file:
            exif, info = _exif_of(file), {str(key): value for key, value in file.info.items()}
    else:
        exif = tiff_tags(path)
        info = tiff_info(exif)
    levels, frames = read_deep(path, deep)
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    return Decoded(levels, read_metadata(exif, info, deep.kind, orientation), deep.kind, orientation, frames)


@contextmanager
def _opened(data: BinaryIO) -> Iterator[tuple[Image.Image, Image.Exif]]:
    """A picture that is not loaded yet, and its EXIF; where loading turns it, the EXIF says so afterwards."""
    with _of_any_size(), Image.open(data, formats=READ_FORMATS) as file:
        _check_size(*file.size)
        if file.format == "PNG":
            file.load()  # else looking for its EXIF does, where damaged pixels would pass for damaged EXIF
        yield file, _exif_of(file)


def _exif_of(file: Image.Image) -> Image.Exif:
    try:
        return file.getexif()
    except Exception as error:  # as varied as the damage
        warnings.warn(f"EXIF: {error}", stacklevel=2)
        return Image.Exif()


@contextmanager
def _of_any_size() -> Iterator[None]:
    """Without Pillow's own limit on pixels, which lies below what telephones take; `_check_size` has ours."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        most = f"{MOST_PIXELS / 1e6:g} megapixels"
        raise Error(f"{width}x{height} pixels, and more than {most} are not read; make it smaller or cut it up")
