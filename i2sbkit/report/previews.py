"""Pictures small enough to lie in a page: shrunk, and as WebP in a data: URI."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..images import to_pil

SIDE, FRAME_SIDE = 1024, 256
"""The longer side of a preview, and of a frame of the film, in pixels at most."""
QUALITY, FRAME_QUALITY = 90, 75
HEAT = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
"""The colours of a map from 0 to its top, as in style.css: from dark to light, so that they read without hue too."""


@dataclass(frozen=True)
class Preview:
    """A picture as it lies in the page.

    Attributes:
        data: a WebP file.
        width, height: its size in pixels.
    """

    data: bytes
    width: int
    height: int

    @property
    def uri(self) -> str:
        """For the `src` of an <img>."""
        return f"data:image/webp;base64,{base64.b64encode(self.data).decode()}"


def preview(x: Tensor, side: int = SIDE, quality: int = QUALITY) -> Preview:
    """(3, H, W) in [-1, 1], shrunk to a longer side of at most `side` pixels."""
    return _shrunk(to_pil(_reduced(x, side)), side, quality)


def heat(values: Tensor) -> tuple[Preview, float]:
    """A map of values (H, W) >= 0 in colours, and the value from which on it has its lightest colour.

    That is so for one in 50 of them: the largest alone would darken all others.
    """
    small = _reduced(values[None], SIDE // 2)[0].numpy()
    top = float(np.quantile(small, 0.98))
    places = np.linspace(0, top or 1, len(HEAT))
    channels = [np.interp(small, places, [color[k] for color in HEAT]) for k in range(3)]
    image = Image.fromarray(np.stack(channels, axis=-1).round().astype(np.uint8))
    return _shrunk(image, SIDE // 2, QUALITY), top


def _reduced(x: Tensor, side: int) -> Tensor:
    """(C, H, W), averaged over whole blocks to a longer side of 2 to 4 times `side`, or as it is if it is smaller.

    Without it 100 megapixels would be copied several times for a picture of one.
    """
    block = max(x.shape[1:]) // (2 * side)
    if block > 1:
        x = F.avg_pool2d(x[None], (min(block, x.shape[1]), min(block, x.shape[2])), ceil_mode=True)[0]
    return x.float().cpu()


def _shrunk(image: Image.Image, side: int, quality: int) -> Preview:
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=quality)
    return Preview(file.getvalue(), *image.size)
