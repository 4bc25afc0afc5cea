"""What Pillow has for it: interpolation, and a mask that sharpens without being told a kernel."""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image, ImageFilter

from .peer import Case, Peer, Restore, Source

PILLOW = Source(("pillow",), "pip install pillow")


def enlarge(case: Case, resample: Image.Resampling) -> np.ndarray:
    """Interpolated."""
    height, width = case.image.shape[:2]
    larger = Image.fromarray(case.image).resize((width * case.scale, height * case.scale), resample)
    return np.asarray(larger)


def enlarger(resample: Image.Resampling) -> Restore:
    """An enlargement with one of Pillow's filters."""
    return partial(enlarge, resample=resample)


def sharpener(percent: int) -> Restore:
    """Pillow's unsharp mask with its default radius."""
    mask = ImageFilter.UnsharpMask(percent=percent, threshold=0)
    return lambda case: np.asarray(Image.fromarray(case.image).filter(mask))


PEERS = [
    Peer("Pillow bicubic", "sr4x", PILLOW, lambda _: enlarger(Image.Resampling.BICUBIC)),
    Peer("Pillow Lanczos", "sr4x", PILLOW, lambda _: enlarger(Image.Resampling.LANCZOS)),
    Peer(
        "Pillow unsharp mask",
        "blur",
        PILLOW,
        sharpener,
        choices=(25, 50, 100, 150, 200, 300),
        setting="percent",
        note="radius 2, threshold 0; not told the kernel",
    ),
]
