"""How much of the work each file is: by its pixels, where their headers are quickly read."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from PIL import Image

from ..images import FORMATS

MOST_HEADERS = 2000
"""Of more files than this no headers are read beforehand: it would take seconds, and the sizes even out."""


def shares(files: Sequence[Path]) -> list[float]:
    """The share of the work that is done after each of the files, in their order; the last is 1.

    Files count alike where there are many of them, or the size of one that can be read is not known beforehand.
    """
    pixels = [_pixels(file) for file in files] if len(files) <= MOST_HEADERS else []
    weights = pixels if any(pixels) else [1] * len(files)
    total = sum(weights)
    return [done / total for done in accumulate(weights)]


def _pixels(file: Path) -> int:
    """The size that a file's header tells, or 0: such a file will fail at once."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=sorted(set(FORMATS.values()))) as image:
            return image.width * image.height
    except Exception:  # on damaged files Pillow's readers raise nearly everything
        return 0
