"""What a JPEG file says of the picture before it: each DCT coefficient lay in a cell of its quantiser."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import ExifTags, Image
from torch import Tensor

import i2sbkit

from .jpeg_blocks import TO_YCBCR, Plane, coefficients, samples_of
from .jpeg_borders import fitted, repeating
from .jpeg_file import decoded, uncut

ROUNDS = 8
"""Most rounds in which values that were clamped are found again."""
NEAR = 1.01
"""Levels between a decoded sample and that of the coefficients found for it; decoders round differently."""
TURNS = {
    2: (False, (2,)), 3: (False, (1, 2)), 4: (False, (1,)), 5: (True, ()),
    6: (True, (2,)), 7: (True, (1, 2)), 8: (True, (1,)),
}  # fmt: skip
"""By EXIF orientation: whether rows and columns change places, and which dimensions are mirrored after that."""
STEPS = {((1, 1),) * 3: (1, 1), ((2, 1), (1, 1), (1, 1)): (1, 2), ((2, 2), (1, 1), (1, 1)): (2, 2)}
"""By the sampling factors of the components: how many rows and columns share a sample of chroma."""


@dataclass(frozen=True)
class Cells:
    """The cells of a file: of Y, and of Cb and Cr where they could be read.

    Attributes:
        chroma: empty where the file has none, or samples them otherwise than 4:4:4, 4:2:2 or 4:2:0.
        step: how many rows and columns of pixels share a sample of chroma.
        repeats: whether the blocks at the border hold the last row and column again and again, as libjpeg's do.
        orientation: by which the picture is turned upright (EXIF).
    """

    luma: Plane
    chroma: Sequence[Plane] = ()
    step: tuple[int, int] = (1, 1)
    repeats: bool = False
    orientation: int = 1

    def projected(self, x: Tensor) -> Tensor:
        """The picture nearest to x (3, H, W) in Y, Cb and Cr, upright, that the file can be of.

        At the border only nearly the nearest, since what the file holds beyond it belongs to no picture.
        """
        stored = _turned_back(x, self.orientation)
        ycc = torch.einsum("dc,chw->dhw", TO_YCBCR.to(stored), (stored + 1) * 127.5)
        ycc[0] -= 128
        found = ycc.clone()
        found[0] = fitted(self.luma, ycc[0], (1, 1), self.repeats)
        for number, plane in enumerate(self.chroma, 1):
            found[number] = fitted(plane, ycc[number], self.step, self.repeats)
        change = torch.einsum("cd,dhw->chw", torch.linalg.inv(TO_YCBCR).to(stored), found - ycc) / 127.5
        return _turned(stored + change, self.orientation)


def into_cells(y: i2sbkit.Observation) -> Callable[[Tensor], Tensor]:
    """The projection of a picture into the cells of the JPEG file that `y` came from.

    Raises:
        NotLinear: it came from none, or see `read_cells`.
    """
    if "file" not in y.params:
        raise i2sbkit.NotLinear(
            "only a JPEG file says how it was quantised; give it, or a Pillow image as it was opened, not pixels"
        )
    return read_cells(y.params["file"]).projected


def read_cells(file: bytes) -> Cells:
    """The cells of a JPEG file.

    Raises:
        NotLinear: its components are not those of JFIF (Y alone, or Y, Cb and Cr), or sampled more densely than Y.
    """
    with Image.open(io.BytesIO(file), formats=["JPEG"]) as picture:
        layers = list(picture.layer)  # type: ignore[attr-defined]
        rgb = picture.info.get("adobe_transform") == 0 or [layer[0] for layer in layers] == list(b"RGB")
        if len(layers) not in (1, 3) or rgb:
            raise i2sbkit.NotLinear("the file holds no Y, Cb and Cr; leave out the consistency")
        if any(luma % other for layer in layers for luma, other in zip(layers[0][1:3], layer[1:3], strict=True)):
            raise i2sbkit.NotLinear("its Cb or Cr has no whole share of the samples of Y; leave out the consistency")
        tables = picture.quantization  # type: ignore[attr-defined]
        orientation = int(picture.getexif().get(ExifTags.Base.Orientation, 1))
        width, height = picture.size
    luma, *others = [torch.tensor(tables[layer[3]], dtype=torch.float32).view(8, 8) for layer in layers]
    cells = _plane(decoded(uncut(file, 8, 8), "L")[0], luma)
    repeats = repeating(cells, height, width)
    step = STEPS.get(tuple(layer[1:3] for layer in layers))
    if step is None:
        return Cells(cells, repeats=repeats, orientation=orientation)
    chroma = [_plane(samples, table) for samples, table in zip(_chroma(file, step), others, strict=True)]
    return Cells(cells, chroma, step, repeats, orientation)


def _chroma(file: bytes, step: tuple[int, int]) -> Tensor:
    """The samples of Cb and Cr (2, h, w)."""
    whole = uncut(file, 8 * step[0], 8 * step[1], without_first=True)
    if step == (2, 2):  # at half its size libjpeg decodes these without enlarging them
        return decoded(whole, "YCbCr", 2)[1:]
    samples = decoded(whole, "YCbCr")[1:]
    return samples if step == (1, 1) else _narrowed(samples)


def _narrowed(wide: Tensor) -> Tensor:
    """The samples s (C, h, w / 2) of which libjpeg made floor((3 s + next + 1 or 2) / 4), next to the left or right."""
    left, right = 4 * wide[..., ::2], 4 * wide[..., 1::2]
    low, high = torch.full_like(left, -128), torch.full_like(left, 127)
    for _ in range(ROUNDS):  # bounds, each time a third as far apart until one or two levels are left
        lows, highs = (F.pad(bound, (1, 1), mode="replicate") for bound in (low, high))
        low = torch.maximum((left - 1 - highs[..., :-2]) / 3, (right - 2 - highs[..., 2:]) / 3).ceil()
        high = torch.minimum((left + 2 - lows[..., :-2]) / 3, (right + 1 - lows[..., 2:]) / 3).floor()
    return (low + high) / 2


def _plane(samples: Tensor, table: Tensor) -> Plane:
    """The cells of samples (h, w) that a decoder rounded to 8 bits and clamped."""
    height, width = samples.shape
    known = F.pad(samples, (0, -width % 8, 0, -height % 8))
    guess = known
    for _ in range(ROUNDS):  # beyond the range samples are what their coefficients make them
        middle = torch.round(coefficients(guess) / table) * table
        made = samples_of(middle)
        beyond = ((known >= 127) & (made > known)) | ((known <= -128) & (made < known))
        guess = torch.where(beyond, made, known)
    fits = (made.clamp(-128, 127) - known).abs() <= NEAR
    fits[height:], fits[:, width:] = False, False  # only of a file with the longest sides that there are
    sure = rearrange(fits, "(h i) (w j) -> h w i j", i=8, j=8).all(dim=(-2, -1), keepdim=True)
    return Plane(middle, table / 2, sure)


def _turned(x: Tensor, orientation: int) -> Tensor:
    swapped, mirrored = TURNS.get(orientation, (False, ()))
    return (x.transpose(1, 2) if swapped else x).flip(mirrored)


def _turned_back(x: Tensor, orientation: int) -> Tensor:
    swapped, mirrored = TURNS.get(orientation, (False, ()))
    x = x.flip(mirrored)
    return x.transpose(1, 2) if swapped else x
