"""Pictures in files: what is in them goes out again as it came in. docs/files.md says it format by format."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from PIL import UnidentifiedImageError
from torch import Tensor

from ..files import atomic
from ..images import FORMATS, SAVE_OPTIONS, Picture, array_to_pil, fitted, from_array, holes_of, to_array
from ..kernel.errors import Error
from ..metadata import Metadata
from .decoding import READ_FORMATS, Note, decode, read_format
from .deep_writing import write_deep

Format = Literal["png", "jpg", "webp", "tif", "bmp", "avif"]

DEPTHS = {"PNG": 16, "TIFF": 32}
"""Most bits a channel by format, where they are more than 8; 32 are floats."""
OPAQUE = ("JPEG", "BMP")
"""Formats without transparency."""
COLOURED = ("WEBP", "AVIF")
"""Formats without gray, which is written as RGB."""
OTHER_SPACES = (b"GRAY", b"CMYK", b"Lab ")
"""What colour profiles may be of, but for RGB."""
INEXACT = ("JPEG", "AVIF")
"""Formats that do not give back just the pixels that were written."""
LONGEST = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 32_768}
"""Most pixels a side, where a format has such a limit; a longer AVIF could be written, but not read."""


@dataclass(frozen=True)
class Encoding:
    """How pictures are written.

    Attributes:
        format: of all outputs; None takes what each name says.
        jpeg_quality: 1 to 100.
    """

    format: Format | None = None
    jpeg_quality: int = 95

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in get_args(Format):
            raise Error(f"format {self.format!r}: take one of {', '.join(get_args(Format))}")
        if not 1 <= self.jpeg_quality <= 100:
            raise Error(f"the JPEG quality is 1 to 100, got {self.jpeg_quality}")

    @property
    def suffix(self) -> str | None:
        """What names of outputs end in, as ".png"; None keeps each input's."""
        return f".{self.format}" if self.format else None


def read_picture(path: Path, *, holes: bool = False) -> Picture:
    """Read a file, turned upright by its EXIF orientation.

    A `UserWarning` says what of it does not come back as it was: damaged metadata, further frames, colours that had to
    be converted.

    Args:
        holes: what is transparent, even in part, is a hole: transparency becomes the mask.

    Raises:
        Error: unreadable, truncated, too large, or of a kind whose pixels would not come back unharmed.
    """
    with warnings.catch_warnings(record=True) as caught, _in_one_line(path):
        warnings.simplefilter("always")
        decoded = decode(path)
    for warning in caught:
        own = issubclass(warning.category, Note)
        said = warning.message if own else f"its metadata is damaged ({warning.message})"
        warnings.warn(f"{path}: {said}", stacklevel=2)
    picture = replace(from_array(decoded.upright()), metadata=decoded.metadata, format=decoded.format)
    return replace(picture, alpha=None, mask=holes_of(picture.alpha)) if holes else picture


def format_of(path: Path) -> str:
    """A file's format by its header, as Pillow names it.

    Raises:
        Error: none that is read here.
    """
    with _in_one_line(path):
        return read_format(path)


@contextmanager
def _in_one_line(path: Path) -> Iterator[None]:
    """What decoders raise, as an `Error` that names the file."""
    try:
        yield
    except Error as error:
        raise Error(f"{path}: {error}") from None
    except UnidentifiedImageError:
        raise Error(f"{path}: not a picture that can be read here ({', '.join(READ_FORMATS)})") from None
    except Exception as error:  # on damaged files Pillow's decoders raise nearly everything
        system = error.strerror if isinstance(error, OSError) else None  # None too of an OSError that Pillow made
        damage = f"not a readable picture ({' '.join(str(error).split())})"
        raise Error(f"{path}: {system or damage}") from None


def write_picture(
    path: Path,
    image: Tensor,
    like: Picture | None = None,
    *,
    holes: Tensor | None = None,
    encoding: Encoding = Encoding(),
) -> None:
    """Write (3, H, W) in [-1, 1] atomically, rounded to the depth of `like`, with its gray, alpha and metadata.

    A picture larger than `like` is as large on paper: its resolution is higher. A `UserWarning` says what the format
    cannot hold.

    Args:
        like: what was read; None writes RGB of 8 bits.
        holes: (1, H, W), what is transparent.
        encoding: its format goes before the suffix of `path`.

    Raises:
        Error: a suffix that is not in `FORMATS`, or a picture or metadata too large for its format.
    """
    kind = _kind(path, encoding)
    like = fitted(like or Picture(image), image)
    metadata = like.metadata.enlarged(image.shape[-1] / like.image.shape[-1])
    like = like if holes is None else replace(like, alpha=1 - holes)
    image, like = _as_the_format_can(path, kind, image, like)
    metadata = _with_fitting_profile(path, kind, metadata, like.gray)
    levels = to_array(image, like)
    with atomic(path) as temporary:
        if like.depth > 8:
            write_deep(temporary, levels, kind, metadata)
            return
        options = SAVE_OPTIONS.get(kind, {}) | ({"quality": encoding.jpeg_quality} if kind == "JPEG" else {})
        try:
            array_to_pil(levels).save(temporary, kind, **options, **metadata.options(kind))
        except (ValueError, RuntimeError) as error:  # RuntimeError: the encoder of AVIF
            raise Error(f"{path}: cannot be written as {kind} ({error}); take another suffix, such as .png") from None


def warn_of_inexact(path: Path, encoding: Encoding) -> None:
    """Warn (`UserWarning`) where known pixels, kept by a mask, would not be bit for bit in the file."""
    kind = _kind(path, encoding)
    if kind in INEXACT:
        said = f"{kind} stores pixels inexactly; for known pixels bit for bit write --format png"
        warnings.warn(f"{path}: {said}", stacklevel=2)


def _with_fitting_profile(path: Path, kind: str, metadata: Metadata, gray: bool) -> Metadata:
    """Metadata without a colour profile of other channels than are written; a warning says so.

    Gray that came with a profile of RGB keeps it: its three channels are the same.
    """
    gray = gray and kind not in COLOURED
    space = metadata.icc[16:20] if metadata.icc and kind != "BMP" else b""  # ICC.1, 7.2.8
    if space not in OTHER_SPACES or (gray and space == b"GRAY"):
        return metadata
    named, written = space.decode().strip(), "gray" if gray else "RGB"
    warnings.warn(f"{path}: its colour profile is of {named}, the pixels are {written}; left out", stacklevel=3)
    return replace(metadata, icc=None)


def _kind(path: Path, encoding: Encoding) -> str:
    suffix = encoding.suffix or path.suffix.lower()
    if suffix not in FORMATS:
        raise Error(f"{path}: cannot write {suffix or 'a file without suffix'}; take one of {' '.join(FORMATS)}")
    return FORMATS[suffix]


def _as_the_format_can(path: Path, kind: str, image: Tensor, like: Picture) -> tuple[Tensor, Picture]:
    """The picture with what its format can hold of it; a warning says what it cannot."""
    side = max(image.shape[1:])
    if side > LONGEST.get(kind, side):
        raise Error(f"{path}: {kind} holds {LONGEST[kind]} pixels a side, the picture has {side}; take .png or .tif")
    depth = min(like.depth, DEPTHS.get(kind, 8))
    if depth < like.depth:
        had = "floats" if like.depth == 32 else f"{like.depth} bits"
        warnings.warn(f"{path}: {kind} holds no {had} a channel; written with {depth} bits", stacklevel=3)
    alpha = like.alpha
    if alpha is not None and kind in OPAQUE:
        if bool((alpha < 1).any()):
            warnings.warn(f"{path}: {kind} has no transparency; the picture is laid on white", stacklevel=3)
            image = image.clamp(-1, 1) * alpha + (1 - alpha)
        alpha = None
    return image, replace(like, depth=depth, alpha=alpha)
