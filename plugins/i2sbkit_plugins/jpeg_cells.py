"""What a JPEG file says of the picture before it: each DCT coefficient lay in a cell of its quantiser."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from PIL import ExifTags
from PIL.JpegImagePlugin import JpegImageFile
from torch import Tensor

import i2sbkit

from .jpeg_blocks import TO_YCBCR, Plane
from .jpeg_borders import fitted, repeating
from .jpeg_coefficients import read_components

TURNS: dict[object, tuple[bool, tuple[int, ...]]] = {
    2: (False, (2,)), 3: (False, (1, 2)), 4: (False, (1,)), 5: (True, ()),
    6: (True, (2,)), 7: (True, (1, 2)), 8: (True, (1,)),
}  # fmt: skip
"""By EXIF orientation: whether rows and columns change places, and which dimensions are mirrored after that."""


@dataclass(frozen=True)
class Cells:
    """The cells of a file's coefficients.

    Attributes:
        planes: of Y, or of Y, Cb and Cr.
        shares: how many rows and columns of pixels share a sample of each.
        repeats: whether the blocks at the border hold the last row and column again and again, as libjpeg's do.
        orientation: by which the picture is turned upright (EXIF), if it is one of `TURNS`.
    """

    planes: Sequence[Plane]
    shares: Sequence[tuple[int, int]]
    repeats: bool
    orientation: object

    def projected(self, x: Tensor) -> Tensor:
        """The picture nearest to x (3, H, W) in Y, Cb and Cr, upright, that the file can be of.

        At the border only nearly the nearest, since what the file holds beyond it belongs to no picture.
        """
        stored = _turned_back(x, self.orientation)
        ycc = torch.einsum("dc,chw->dhw", TO_YCBCR.to(stored), (stored + 1) * 127.5)
        ycc[0] -= 128
        found = ycc.clone()
        for number, (plane, share) in enumerate(zip(self.planes, self.shares, strict=True)):
            found[number] = fitted(plane, ycc[number], share, self.repeats)
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
        NotLinear: its components are not those of JFIF (Y alone, or Y, Cb and Cr), or those of Y are no multiple of
            the others; or see `read_components`.
    """
    header = _header(file)
    components = read_components(file)
    luma = components[0]
    if any(luma.down % other.down or luma.across % other.across for other in components):
        raise i2sbkit.NotLinear("its Cb or Cr has no whole share of the samples of Y; leave out the consistency")
    planes = [Plane(coefficients, steps / 2) for coefficients, steps in (each.decoded for each in components)]
    shares = [(luma.down // each.down, luma.across // each.across) for each in components]
    return Cells(planes, shares, repeating(planes[0], *header.size[::-1]), _orientation(header))


def _header(file: bytes) -> JpegImageFile:
    """What Pillow reads of a file of Y, or of Y, Cb and Cr, as libjpeg tells them; its limit of pixels is for pictures.

    Raises:
        NotLinear: it is another one, or none.
    """
    try:
        header = JpegImageFile(io.BytesIO(file))
    except (OSError, SyntaxError):
        raise i2sbkit.NotLinear("the file is no JPEG; leave out the consistency") from None
    names, info = bytes(layer[0] for layer in header.layer), header.info
    said = info.get("adobe_transform") == 0 if "adobe" in info else names == b"RGB"
    if len(names) not in (1, 3) or (len(names) == 3 and "jfif" not in info and said):
        raise i2sbkit.NotLinear("the file holds no Y, Cb and Cr; leave out the consistency")
    return header


def _orientation(header: JpegImageFile) -> object:
    try:
        return header.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # as varied as the damage; whoever read the picture was warned
        return None


def _turned(x: Tensor, orientation: object) -> Tensor:
    swapped, mirrored = TURNS.get(orientation, (False, ()))
    return (x.transpose(1, 2) if swapped else x).flip(mirrored)


def _turned_back(x: Tensor, orientation: object) -> Tensor:
    swapped, mirrored = TURNS.get(orientation, (False, ()))
    x = x.flip(mirrored)
    return x.transpose(1, 2) if swapped else x
