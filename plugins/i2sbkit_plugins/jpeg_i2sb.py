"""The JPEG of the authors' I2SB code: the transform of the standard, without entropy coding and without clamping."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Generator, Tensor

import i2sbkit

from .jpeg_blocks import TO_YCBCR, dct_rows
from .jpeg_cells import into_cells

# ITU-T T.81 Annex K, tables K.1 and K.2: luminance and chrominance quantisation at quality 50, by rows.
LUMINANCE = """
16 11 10 16  24  40  51  61   12 12 14 19  26  58  60  55   14 13 16 24  40  57  69  56   14 17 22 29  51  87  80  62
18 22 37 56  68 109 103  77   24 35 55 64  81 104 113  92   49 64 78 87 103 121 120 101   72 92 95 98 112 100 103  99
"""
CHROMINANCE = """
17 18 24 47 99 99 99 99   18 21 26 66 99 99 99 99   24 26 56 99 99 99 99 99   47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99
"""


@dataclass(frozen=True, kw_only=True)
class JpegI2sb(i2sbkit.Corruption):
    """Quantised DCT coefficients of 8x8 blocks, as the authors' networks saw them; sizes must be multiples of 16.

    Chroma keeps every second sample (4:2:0 without averaging) and comes back by repetition; the result is neither
    clamped nor rounded to 8 bits. For files that a codec wrote, take `jpeg`.

    Args:
        quality: as libjpeg's, 1 to 100.
    """

    quality: int

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise i2sbkit.Error(f"quality must be in 1..100, got {self.quality}")

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        if x0.shape[1] % 16 or x0.shape[2] % 16:
            height, width = x0.shape[1:]
            raise i2sbkit.Error(f"jpeg-i2sb needs sizes that are multiples of 16, got {height}x{width}; jpeg takes any")
        matrix = TO_YCBCR.to(x0)
        ycbcr = torch.einsum("dc,chw->dhw", matrix, (x0 + 1) * 127.5)
        ycbcr[0] -= 128
        luma = _quantise(ycbcr[:1], _table(LUMINANCE, self.quality).to(x0))
        chroma = _quantise(ycbcr[1:, ::2, ::2], _table(CHROMINANCE, self.quality).to(x0))
        chroma = chroma.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
        decoded = torch.cat([luma + 128, chroma])
        rgb = torch.einsum("cd,dhw->chw", torch.linalg.inv(TO_YCBCR).to(x0), decoded)
        return i2sbkit.Observation(rgb / 127.5 - 1, params={"quality": self.quality})

    def projection(self, y: i2sbkit.Observation) -> Callable[[Tensor], Tensor]:
        """Of a JPEG file into the cells of its own quantiser, as with `jpeg`.

        Raises:
            NotLinear: there is no file, it holds no Y, Cb and Cr, or its coefficients cannot be read.
        """
        return into_cells(y)


def _table(base: str, quality: int) -> Tensor:
    """The 8x8 table of a quality, by the rule of the Independent JPEG Group."""
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = torch.tensor([float(entry) for entry in base.split()]).view(8, 8)
    return ((table * percent + 50) / 100).floor().clamp(1, 255)


def _quantise(planes: Tensor, table: Tensor) -> Tensor:
    """(C, H, W) through the quantised coefficients of its 8x8 blocks."""
    dct = dct_rows().to(planes)
    blocks = rearrange(planes, "c (h i) (w j) -> c h w i j", i=8, j=8)
    coefficients = torch.round(dct @ blocks @ dct.T / table) * table
    return rearrange(dct.T @ coefficients @ dct, "c h w i j -> c (h i) (w j)")


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"jpeg-i2sb": JpegI2sb}
