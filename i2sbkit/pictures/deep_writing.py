"""Writing PNG and TIFF of more than 8 bits a channel, which Pillow does for gray alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ..metadata import ICC_TAG, XMP_TAG, Metadata, for_tiff, resolution_tags

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Colour type by channels (PNG 11.2.2)."""
UP = b"\2"
"""The PNG filter that stores a row as its differences from the row above."""
DEFLATE, DIFFERENCES = 8, 2
"""TIFF's numbers for zlib, and for rows stored as differences from the pixel to the left."""
BAND = 64
"""Rows that are compressed at a time."""


def write_deep(path: Path, levels: np.ndarray, kind: str, metadata: Metadata) -> None:
    """Write levels (H, W, C) without loss.

    Args:
        levels: uint16; or float32, in TIFF.
        kind: "PNG" or "TIFF".
    """
    (write_png if kind == "PNG" else write_tiff)(path, levels, metadata)


def write_png(path: Path, levels: np.ndarray, metadata: Metadata) -> None:
    """Write levels (H, W, C) of uint16 as PNG."""
    height, width, channels = levels.shape
    with path.open("wb") as file:
        file.write(SIGNATURE)
        file.write(_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)))
        for name, data in _chunks_of_metadata(metadata):
            file.write(_chunk(name, data))
        packer, above = zlib.compressobj(), np.zeros((1, width * channels * 2), np.uint8)
        for top in range(0, height, BAND):
            rows = levels[top : top + BAND].astype(">u2").view(np.uint8).reshape(-1, width * channels * 2)
            lines = rows - np.concatenate([above, rows[:-1]])
            above = rows[-1:]
            file.write(_chunk(b"IDAT", packer.compress(b"".join(UP + line.tobytes() for line in lines))))
        file.write(_chunk(b"IDAT", packer.flush()))
        file.write(_chunk(b"IEND", b""))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _chunks_of_metadata(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    """Just as Pillow writes them: those of a picture of one pixel."""
    buffer = BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG", **metadata.options("PNG"))
    data, at = buffer.getvalue(), len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, at = data[at + 4 : at + 8], at + 12 + length
        if name not in (b"IHDR", b"IDAT", b"IEND"):
            yield name, data[at - 4 - length : at - 4]


def write_tiff(path: Path, levels: np.ndarray, metadata: Metadata) -> None:
    """Write levels (H, W, C) of uint16 or float32 as TIFF, compressed with zlib."""
    height, width, channels = levels.shape
    floats = levels.dtype == np.float32
    strips = [zlib.compress(_strip(levels[top : top + BAND])) for top in range(0, height, BAND)]
    tags = ImageFileDirectory_v2()
    layout = {
        "ImageWidth": width,
        "ImageLength": height,
        "BitsPerSample": (levels.dtype.itemsize * 8,) * channels,
        "Compression": DEFLATE,
        "PhotometricInterpretation": 2 if channels > 2 else 1,
        "StripOffsets": tuple(int(at) for at in np.cumsum([0, *map(len, strips[:-1])])),  # from the directory's end on
        "SamplesPerPixel": channels,
        "RowsPerStrip": BAND,
        "StripByteCounts": tuple(map(len, strips)),
        "PlanarConfiguration": 1,
        "Predictor": 1 if floats else DIFFERENCES,
        "SampleFormat": (3 if floats else 1,) * channels,
    }
    layout |= {"ExtraSamples": 2} if channels in (2, 4) else {}  # transparency, not multiplied into the colours
    for tag, value in {
        **{getattr(ExifTags.Base, name): value for name, value in layout.items()},
        **_kept(metadata),
    }.items():
        tags[tag] = value
    with path.open("wb") as file:
        tags.save(file)
        file.writelines(strips)


def _strip(rows: np.ndarray) -> bytes:
    rows = rows.astype(rows.dtype.newbyteorder("<"))
    if rows.dtype.kind == "u":
        rows[:, 1:] -= rows[:, :-1].copy()
    return rows.tobytes()


def _kept(metadata: Metadata) -> dict[int, object]:
    """Metadata as tags of the first directory."""
    tags = for_tiff(metadata.exif)
    tags |= resolution_tags(metadata.dpi) if metadata.dpi else {}
    tags |= {XMP_TAG: metadata.xmp} if metadata.xmp else {}
    return tags | ({ICC_TAG: metadata.icc} if metadata.icc else {})
