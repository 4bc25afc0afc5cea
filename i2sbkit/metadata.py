"""What a file says of its picture beside the pixels: EXIF, XMP, colour profile, resolution."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

KEPT_TAGS = [
    getattr(ExifTags.Base, name)
    for name in (
        "ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "HostComputer", "Copyright", "Rating",
        "XPTitle", "XPComment", "XPAuthor", "XPKeywords", "XPSubject",
    )
]  # fmt: skip
"""EXIF that describes the photograph; the other tags of its first directory describe how its file was laid out."""
KEPT_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
STALE_TAGS = (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight, ExifTags.IFD.Interop)
"""Tags of the Exif directory that a turned or enlarged picture makes wrong; `Interop` is a place in the old file."""

STALE_XMP = "tiff:(?:Orientation|ImageWidth|ImageLength|XResolution|YResolution)|exif:Pixel[XY]Dimension"
"""The same of XMP, where properties are attributes or elements."""

XMP_TAG, ICC_TAG = 700, 34675
"""Where TIFF keeps XMP and the colour profile."""

MOST_DPI = 65535
"""As many dots an inch as JPEG can say."""
DOTS_AN_INCH = {2: 1, 3: 2.54}
"""Of a resolution by its unit: inches and centimetres; 1 says nothing but the shape of pixels."""


@dataclass(frozen=True)
class Metadata:
    """What is kept of a file beside its pixels, for a picture that is upright.

    Attributes:
        exif: tags of the first directory that describe the photograph; under the number of a directory, its tags.
        xmp: the packet.
        icc: the colour profile.
        dpi: dots an inch, across and down.
    """

    exif: Mapping[int, Any] = field(default_factory=dict)
    xmp: bytes | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None

    def enlarged(self, scale: float) -> Metadata:
        """For the picture with `scale` times the pixels a side, which is as large as before on paper."""
        return replace(self, dpi=_plausible((self.dpi[0] * scale, self.dpi[1] * scale))) if self.dpi else self

    def options(self, kind: str) -> dict[str, Any]:
        """As Pillow's `save` takes it for a format; what the format cannot hold is left out."""
        found: dict[str, Any] = {"dpi": self.dpi}
        if kind != "BMP":
            found |= {"icc_profile": self.icc, "exif": self._exif(kind)}
        if self.xmp and kind == "PNG":
            found["pnginfo"] = PngInfo()
            found["pnginfo"].add_itxt("XML:com.adobe.xmp", self.xmp.decode("utf-8", "replace"))
        elif kind in ("JPEG", "WEBP", "AVIF"):
            found["xmp"] = self.xmp
        return {key: value for key, value in found.items() if value}

    def _exif(self, kind: str) -> bytes | None:
        """Encoded; with the resolution, for which WebP and AVIF have no other place, and for TIFF with the XMP."""
        tags = dict(self.exif)
        if self.dpi and (tags or kind in ("WEBP", "AVIF")):
            tags |= resolution_tags(self.dpi)
        if kind == "TIFF":
            tags = for_tiff(tags) | ({XMP_TAG: self.xmp} if self.xmp else {})
        return _encode(tags) if tags else None


def read_metadata(exif: Image.Exif, info: Mapping[Any, Any], kind: str, orientation: Any) -> Metadata:
    """What to keep of a file.

    Damaged EXIF is warned of (`UserWarning`) and left out.

    Args:
        exif, info: as Pillow gives them for an open file.
        kind: the file's format.
        orientation: by which the picture is turned upright.
    """
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    xmp = xmp.encode("utf-8") if isinstance(xmp, str) else xmp
    icc = info.get("icc_profile")
    dpi = None if made_up_dpi(exif, info, kind) else _plausible(info.get("dpi")) or exif_dpi(exif)
    if dpi and orientation in (5, 6, 7, 8):
        dpi = dpi[::-1]
    return Metadata(_kept_exif(exif), upright_xmp(xmp) if isinstance(xmp, bytes) else None, icc or None, dpi)


def made_up_dpi(exif: Image.Exif, info: Mapping[Any, Any], kind: str) -> bool:
    """Whether only Pillow says it: 72 dpi of a JPEG that has EXIF, 1 of a TIFF, where they have no resolution."""
    return kind in ("JPEG", "TIFF") and not info.get("jfif_unit") and ExifTags.Base.XResolution not in exif


def exif_dpi(tags: Mapping[int, Any]) -> tuple[float, float] | None:
    """Dots an inch by the tags of EXIF and TIFF; None where they say none."""
    dpi = (tags.get(ExifTags.Base.XResolution), tags.get(ExifTags.Base.YResolution))
    return _plausible(dpi, DOTS_AN_INCH.get(tags.get(ExifTags.Base.ResolutionUnit, 2), 0))


def upright_xmp(xmp: bytes) -> bytes:
    """XMP without what it says of the old file's orientation and size."""
    pattern = rf'\s(?:{STALE_XMP})\s*=\s*(?:"[^"]*"|\'[^\']*\')|<({STALE_XMP})>[^<]*</\1>'.encode()
    return re.sub(pattern, b"", xmp)


def resolution_tags(dpi: tuple[float, float]) -> dict[int, Any]:
    """The tags of EXIF and TIFF that say so."""
    return {ExifTags.Base.XResolution: dpi[0], ExifTags.Base.YResolution: dpi[1], ExifTags.Base.ResolutionUnit: 2}


def for_tiff(tags: Mapping[int, Any]) -> dict[int, Any]:
    """The tags without the directory within a directory, which Pillow does not write in a TIFF."""
    directory = ExifTags.IFD.Exif
    inner = {tag: value for tag, value in tags.get(directory, {}).items() if tag != ExifTags.IFD.Interop}
    return {tag: value for tag, value in tags.items() if tag != directory} | ({directory: inner} if inner else {})


def _kept_exif(found: Image.Exif) -> dict[int, Any]:
    """What EXIF says of the photograph, without its orientation, resolution and thumbnail."""
    kept: dict[int, Any] = {tag: found[tag] for tag in KEPT_TAGS if tag in found}
    try:
        for directory in KEPT_DIRECTORIES:
            tags = {tag: value for tag, value in found.get_ifd(directory).items() if tag not in STALE_TAGS}
            if directory == ExifTags.IFD.Exif and (interop := dict(found.get_ifd(ExifTags.IFD.Interop))):
                tags[ExifTags.IFD.Interop] = interop
            if tags:
                kept[directory] = tags
        _encode(kept)
    except Exception as error:  # as varied as the damage
        warnings.warn(f"EXIF: {error}", stacklevel=2)
        return {}
    return kept


def _encode(tags: Mapping[int, Any]) -> bytes:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    return exif.tobytes()


def _plausible(dpi: Any, inches: float = 1) -> tuple[float, float] | None:
    """A resolution that a file can be said to have, in dots an inch."""
    try:
        across, down = (float(value) * inches for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    fits = all(math.isfinite(value) and 1 <= value <= MOST_DPI for value in (across, down))
    return (across, down) if fits else None
