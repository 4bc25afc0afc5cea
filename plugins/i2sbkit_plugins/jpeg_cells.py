"""What a JPEG file says of the picture before it: each DCT coefficient lay in a cell of its quantiser."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import ExifTags, Image
from torch import Tensor

import i2sbkit

from .jpeg_i2sb import TO_YCBCR, dct_rows

ROUNDS = 8
"""Most rounds in which values that were clamped are found again, and partial blocks are brought to fit."""
NEAR = 1.01
"""Levels between a decoded sample and that of the coefficients found for it; decoders round differently."""
TURNS = {
    2: (False, (2,)), 3: (False, (1, 2)), 4: (False, (1,)), 5: (True, ()),
    6: (True, (2,)), 7: (True, (1, 2)), 8: (True, (1,)),
}  # fmt: skip
"""By EXIF orientation: whether rows and columns change places, and which dimensions are mirrored after that."""


@dataclass(frozen=True)
class Plane:
    """The cells of one component.

    Attributes:
        middle: the decoded coefficients (rows, columns, 8, 8) of its blocks, in levels.
        half: half the steps of its quantiser, (8, 8).
        sure: (rows, columns, 1, 1), whether the coefficients of a block were found for certain.
    """

    middle: Tensor
    half: Tensor
    sure: Tensor

    def projected(self, samples: Tensor) -> Tensor:
        """The nearest samples (h, w) whose coefficients are in the cells: exact for whole blocks."""
        height, width = samples.shape
        for _ in range(1 if height % 8 == width % 8 == 0 else ROUNDS):
            found = coefficients(_whole_blocks(samples))
            middle, half = self.middle.to(found), self.half.to(found)
            inside = torch.where(self.sure.to(found.device), found.clamp(middle - half, middle + half), found)
            samples = samples_of(inside)[:height, :width]
        return samples


@dataclass(frozen=True)
class Cells:
    """The cells of a file: of Y, and of Cb and Cr where they could be read.

    Attributes:
        chroma: empty where the file has none, or samples them otherwise than 4:4:4 or 4:2:0.
        step: how many pixels of a row or column share a sample of chroma.
        orientation: by which the picture is turned upright (EXIF).
    """

    luma: Plane
    chroma: Sequence[Plane] = ()
    step: int = 1
    orientation: int = 1

    def projected(self, x: Tensor) -> Tensor:
        """The picture nearest to x (3, H, W) in Y, Cb and Cr, upright, that the file can be of."""
        stored = _turned_back(x, self.orientation)
        height, width = stored.shape[1:]
        matrix = TO_YCBCR.to(stored)
        ycc = torch.einsum("dc,chw->dhw", matrix, (stored + 1) * 127.5)
        moved = torch.zeros_like(ycc)
        moved[0] = self.luma.projected(ycc[0] - 128) - (ycc[0] - 128)
        for number, plane in enumerate(self.chroma, 1):
            small = _means(ycc[number], self.step)
            change = plane.projected(small) - small
            # Of all changes with these means the smallest is the same for all pixels of a sample.
            large = change.repeat_interleave(self.step, 0).repeat_interleave(self.step, 1)
            moved[number] = large[:height, :width]
        change = torch.einsum("cd,dhw->chw", torch.linalg.inv(TO_YCBCR).to(stored), moved) / 127.5
        return _turned(stored + change, self.orientation)


def read_cells(file: bytes) -> Cells:
    """The cells of a JPEG file.

    Raises:
        NotLinear: its components are not those of JFIF (Y alone, or Y, Cb and Cr).
    """
    with Image.open(io.BytesIO(file), formats=["JPEG"]) as picture:
        layers = list(picture.layer)  # type: ignore[attr-defined]
        rgb = picture.info.get("adobe_transform") == 0 or [layer[0] for layer in layers] == list(b"RGB")
        if len(layers) not in (1, 3) or rgb:
            raise i2sbkit.NotLinear("the file holds no Y, Cb and Cr; leave out the consistency")
        tables = picture.quantization  # type: ignore[attr-defined]
        orientation = int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    luma, *chroma = [torch.tensor(tables[layer[3]], dtype=torch.float32).view(8, 8) for layer in layers]
    planes = _decoded(file, 1, len(layers))
    cells = _plane(planes[0], luma)
    factors = [layer[1:3] for layer in layers]
    step = {((1, 1),) * 3: 1, ((2, 2), (1, 1), (1, 1)): 2}.get(tuple(factors), 0)
    if step == 2 and min(planes.shape[1:]) < 2:
        step = 0
    if not step:
        return Cells(cells, orientation=orientation)
    # At half its size libjpeg decodes chroma of 4:2:0 without enlarging it: the samples as they are in the file.
    small = planes if step == 1 else _decoded(file, 2, 3)
    found = [_plane(samples, table) for samples, table in zip(small[1:], chroma, strict=True)]
    return Cells(cells, found, step, orientation)


def _decoded(file: bytes, smaller: int, channels: int) -> Tensor:
    """The samples (channels, h, w) of a file, 0 in the middle of their range."""
    with Image.open(io.BytesIO(file), formats=["JPEG"]) as picture:
        width, height = (max(side // smaller, 1) for side in picture.size)
        picture.draft("L" if channels == 1 else "YCbCr", (width, height))
        raw = bytearray(picture.tobytes())
        size = picture.size
    levels = torch.frombuffer(raw, dtype=torch.uint8).view(size[1], size[0], channels)
    return levels.permute(2, 0, 1).float() - 128


def _plane(samples: Tensor, table: Tensor) -> Plane:
    """The cells of samples (h, w) that a decoder rounded to 8 bits and clamped."""
    height, width = samples.shape
    known = _blocks(F.pad(torch.ones_like(samples), (0, -width % 8, 0, -height % 8))) > 0
    decoded = _blocks(_whole_blocks(samples))
    guess = decoded
    for _ in range(ROUNDS):  # beyond the range, and beyond the borders, samples are what their coefficients make them
        middle = torch.round(_to_coefficients(guess) / table) * table
        made = _to_samples(middle)
        high, low = decoded >= 127, decoded <= -128
        beyond = (high & (made > decoded)) | (low & (made < decoded)) | ~known
        guess = torch.where(beyond, made, decoded)
    fits = ((made.clamp(-128, 127) - decoded).abs() <= NEAR) | ~known
    return Plane(middle, table / 2, fits.all(dim=(-2, -1), keepdim=True))


def coefficients(samples: Tensor) -> Tensor:
    """The DCT (h / 8, w / 8, 8, 8) of the 8x8 blocks of samples (h, w) (T.81 A.3.3)."""
    return _to_coefficients(_blocks(samples))


def samples_of(found: Tensor) -> Tensor:
    """The inverse of `coefficients`."""
    return rearrange(_to_samples(found), "h w i j -> (h i) (w j)")


def _to_coefficients(blocks: Tensor) -> Tensor:
    rows = dct_rows().to(blocks)
    return rows @ blocks @ rows.T


def _to_samples(found: Tensor) -> Tensor:
    rows = dct_rows().to(found)
    return rows.T @ found @ rows


def _blocks(samples: Tensor) -> Tensor:
    return rearrange(samples, "(h i) (w j) -> h w i j", i=8, j=8)


def _whole_blocks(samples: Tensor) -> Tensor:
    """(h, w) with the last row and column repeated up to multiples of 8."""
    height, width = samples.shape
    return F.pad(samples[None], (0, -width % 8, 0, -height % 8), mode="replicate")[0]


def _means(samples: Tensor, step: int) -> Tensor:
    """The mean of each square of `step` pixels, the last row and column repeated where one is cut."""
    height, width = samples.shape
    full = F.pad(samples[None], (0, -width % step, 0, -height % step), mode="replicate")[0]
    return F.avg_pool2d(full[None], step)[0]


def _turned(x: Tensor, orientation: int) -> Tensor:
    swapped, mirrored = TURNS.get(orientation, (False, ()))
    return (x.transpose(1, 2) if swapped else x).flip(mirrored)


def _turned_back(x: Tensor, orientation: int) -> Tensor:
    swapped, mirrored = TURNS.get(orientation, (False, ()))
    x = x.flip(mirrored)
    return x.transpose(1, 2) if swapped else x
