"""JPEG compression by a real codec (libjpeg, through Pillow)."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from PIL import Image
from torch import Generator, Tensor

import i2sbkit

from .jpeg_cells import into_cells


@dataclass(frozen=True, kw_only=True)
class Jpeg(i2sbkit.Corruption):
    """y = decode(encode(x0)): the picture as a file of the given quality, 8 bits.

    Args:
        quality: libjpeg's quality, 1 (worst) to 100; a pair [low, high] is drawn from uniformly, ends included.
        subsampling: of the chroma planes.
    """

    quality: int | tuple[int, int]
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"

    def __post_init__(self) -> None:
        low, high = self._range
        if not 1 <= low <= high <= 100:
            raise i2sbkit.Error(f"quality must be in 1..100, or [low, high] with low <= high, got {self.quality}")
        if self.subsampling not in ("4:4:4", "4:2:2", "4:2:0"):
            raise i2sbkit.Error(f'subsampling must be "4:4:4", "4:2:2" or "4:2:0", got {self.subsampling!r}')

    @property
    def _range(self) -> tuple[int, int]:
        return (self.quality, self.quality) if isinstance(self.quality, int) else self.quality

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        low, high = self._range
        quality = int(torch.randint(low, high + 1, (), generator=rng))
        file = io.BytesIO()
        i2sbkit.to_pil(x0).save(file, "JPEG", quality=quality, subsampling=self.subsampling)
        with Image.open(file) as decoded:
            image = i2sbkit.from_pil(decoded)
        return i2sbkit.Observation(image, params={"quality": quality, "file": file.getvalue()})

    def projection(self, y: i2sbkit.Observation) -> Callable[[Tensor], Tensor]:
        """Into the cells that the file's quantiser rounded from: exact, whatever the recipe's quality.

        Raises:
            NotLinear: there is no file, it holds no Y, Cb and Cr, or its coefficients cannot be read.
        """
        return into_cells(y)


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"jpeg": Jpeg}
