"""The picture of a task: degraded, ours, the best peers and clean, side by side, where they differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, CAPTION, ZOOM = 112, 4, 18, 2


@dataclass(frozen=True)
class Strip:
    """One crop.

    Attributes:
        title: why it is shown.
        columns: caption and picture (h, w, 3) uint8 each; the last one is the clean picture.
        window: top and left of the detail of `SIDE` pixels that is shown.
    """

    title: str
    columns: Sequence[tuple[str, np.ndarray]]
    window: tuple[int, int]


def apart(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """Top and left of the window of `SIDE` pixels in which two pictures differ most."""
    squared = ((a.astype(np.float64) - b) ** 2).sum(axis=2)
    summed = np.pad(squared.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    totals = summed[SIDE:, SIDE:] - summed[:-SIDE, SIDE:] - summed[SIDE:, :-SIDE] + summed[:-SIDE, :-SIDE]
    top, left = np.unravel_index(int(totals.argmax()), totals.shape)
    return int(top), int(left)


def drawn(strips: Sequence[Strip]) -> Image.Image:
    """All crops below one another."""
    cell = SIDE * ZOOM
    width = len(strips[0].columns) * (cell + GAP) - GAP
    page = Image.new("RGB", (width, len(strips) * (cell + 2 * CAPTION + GAP)), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for number, strip in enumerate(strips):
        y = number * (cell + 2 * CAPTION + GAP)
        pen.text((0, y + CAPTION // 2), strip.title, "black", font, anchor="lm")
        top, left = strip.window
        for place, (caption, picture) in enumerate(strip.columns):
            x = place * (cell + GAP)
            detail = Image.fromarray(picture[top : top + SIDE, left : left + SIDE])
            page.paste(detail.resize((cell, cell), Image.Resampling.NEAREST), (x, y + CAPTION))
            pen.text((x + cell // 2, y + cell + CAPTION * 3 // 2), caption, "black", font, anchor="mm")
    return page
