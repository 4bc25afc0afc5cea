"""The file behind a Pillow image, which says how it was quantised."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageFile


def jpeg_file(image: Image.Image) -> bytes | None:
    """The JPEG file that an image was opened from, where its pixels still are the file's; else None.

    None too where its EXIF turns it: what is made of a file is upright, and Pillow's pixels are not.
    """
    if image.format != "JPEG" or not isinstance(image, ImageFile.ImageFile):
        return None
    try:
        file = _bytes_behind(image)
        with Image.open(BytesIO(file), formats=["JPEG"]) as again:
            upright = again.getexif().get(ExifTags.Base.Orientation, 1) == 1
            same = upright and again.mode == image.mode and np.array_equal(np.asarray(again), np.asarray(image))
    except (OSError, ValueError):  # the file is gone, was closed, or is another one now
        return None
    return file if same else None


def _bytes_behind(image: ImageFile.ImageFile) -> bytes:
    """Of an image that is not loaded yet, what it is read from; else the file of its name."""
    if image.fp is None:
        return Path(os.fsdecode(image.filename)).read_bytes()
    place = image.fp.tell()
    image.fp.seek(0)
    file: bytes = image.fp.read()
    image.fp.seek(place)
    return file
