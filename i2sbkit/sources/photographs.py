"""A decoded photograph, alone or with its degraded picture: resized, cut and flipped, both always alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..images import uint8_to_pil
from ..kernel.errors import Error
from .shards import Sample, read_degraded, read_pixels


@dataclass(frozen=True)
class Photograph:
    """8-bit pixels of one sample.

    Attributes:
        clean: (3, H, W).
        degraded: (3, H / scale, W / scale), where the data brings it.
        scale: by how much the degraded picture is smaller; 1 where there is none.
    """

    clean: Tensor
    degraded: Tensor | None = None
    scale: int = 1

    @property
    def shorter(self) -> int:
        """The shorter side of the clean picture in pixels."""
        return min(self.clean.shape[1:])

    def spare(self, size: int) -> tuple[int, int]:
        """How many steps of `scale` pixels a crop of `size` can be moved down and right."""
        rows, columns = self.clean.shape[1:]
        return (rows - size) // self.scale, (columns - size) // self.scale

    def cut(self, top: int, left: int, size: int) -> Photograph:
        """The crop of `size` x `size` pixels that begins so many steps of `scale` pixels down and right."""
        degraded = None if self.degraded is None else _window(self.degraded, top, left, size // self.scale)
        return Photograph(_window(self.clean, top * self.scale, left * self.scale, size), degraded, self.scale)

    def flipped(self) -> Photograph:
        """Left and right changed."""
        return Photograph(self.clean.flip(2), None if self.degraded is None else self.degraded.flip(2), self.scale)

    def resized(self, size: int) -> Photograph:
        """With the shorter side made `size`, as the authors' data are.

        Theirs is torchvision's `Resize(size)` on a Pillow image: bilinear and antialiased, the longer side
        int(size * long / short). A degraded picture that is smaller by `scale` follows that rule for size / scale, and
        the clean one's longer side is then `scale` times as long, so that the two still fit.
        """
        rows, columns = self.clean.shape[1:]
        small, short = size // self.scale, min(rows, columns)
        rows, columns = int(small * rows / short), int(small * columns / short)
        degraded = None if self.degraded is None else _resized(self.degraded, rows, columns)
        return Photograph(_resized(self.clean, rows * self.scale, columns * self.scale), degraded, self.scale)


def _window(pixels: Tensor, top: int, left: int, size: int) -> Tensor:
    return pixels[:, top : top + size, left : left + size]


def _resized(pixels: Tensor, rows: int, columns: int) -> Tensor:
    """8-bit (3, H, W) as (3, rows, columns): bilinear, widened when it shrinks (Pillow's way, which is antialiased)."""
    image = uint8_to_pil(pixels).resize((columns, rows), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


def centre(spare: int, whole: bool) -> int:
    """Where the middle crop of a side begins.

    Args:
        whole: the photograph has been resized to the crop: as torchvision's `CenterCrop` then, to the nearest pixel
            and at a half to the even one; else rounded down.
    """
    return round(spare / 2) if whole else spare // 2


def read_photograph(sample: Sample, paired: bool, scale: int) -> Photograph:
    """Decode a sample's picture and, where the data is `paired`, its degraded picture.

    Raises:
        Error: one cannot be decoded, or the clean one is not `scale` times as large as the degraded.
    """
    clean = read_pixels(sample)
    if not paired:
        return Photograph(clean)
    degraded = read_degraded(sample)
    wanted, found = [side * scale for side in degraded.shape[1:]], list(clean.shape[1:])
    if wanted != found:
        part = sample.picture
        raise Error(
            f"{part.path if part else ''}: {sample.key}: the clean picture is {found[1]} x {found[0]}, "
            f"the degraded {degraded.shape[2]} x {degraded.shape[1]}; this recipe's corruption has scale {scale}, "
            f"so the clean one must be {wanted[1]} x {wanted[0]}"
        )
    return Photograph(clean, degraded, scale)
