"""From a file, and what its owner knows of the damage, to an observation."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ImageColor
from torch import Tensor

from .images import Picture, filled, to_uint8
from .kernel.errors import Error, NotLinear
from .kernel.interfaces import Corruption, Observation
from .pictures.files import read_picture
from .pictures.finding import pictures_in
from .point_spread import as_kernel, read_kernel
from .sources.masks import PictureMasks


@dataclass(frozen=True)
class Told:
    """What is known of the damage beyond the pictures.

    Attributes:
        mask: a picture, white = missing, for all pictures; or a folder of them, matched by stem, and
            of several by the folder they are in. None: of a picture
            with transparency, for weights that fill holes, what is not opaque is missing.
        mask_color: 8-bit red, green and blue of the pixels that are missing, besides those of the mask.
        feather: pixels beyond the holes over which what is restored fades into what is known; 0: known pixels come
            back bit for bit, up to the hole.
        kernel: of a blur, (h, w) with odd sizes and the sum 1.
    """

    mask: Path | None = None
    mask_color: tuple[int, int, int] | None = None
    feather: int = 0
    kernel: Tensor | None = None

    def __post_init__(self) -> None:
        if self.mask is not None and not self.mask.exists():
            raise Error(f"{self.mask}: no such mask; give a picture, or a folder of masks named like the pictures")

    @property
    def params(self) -> Mapping[str, Any]:
        """For `Observation.params`."""
        return {} if self.kernel is None else {"kernel": self.kernel}


@dataclass(frozen=True)
class Observed:
    """A file as it is restored.

    Attributes:
        share: (1, H, W), how much of the restored picture shows, 1 in the holes; None: all of it everywhere.
    """

    picture: Picture
    observation: Observation
    share: Tensor | None = None

    def blended(self, restored: Tensor) -> Tensor:
        """A restored picture (C, H, W), faded into what is known around the holes."""
        return restored if self.share is None else torch.lerp(self.picture.image, restored, self.share)


def told_of(
    corruption: Corruption,
    mask: Path | None = None,
    mask_color: str | None = None,
    feather: int = 0,
    kernel: str | Path | np.ndarray | Tensor | None = None,
) -> Told:
    """What the user says of pictures that weights of this corruption restore.

    Args:
        mask_color: as CSS writes colours: "#ff00ff", "rgb(255, 0, 255)", "magenta".
        kernel: (h, w) numbers, or what `point_spread.read_kernel` takes.

    Raises:
        Error: there is no such mask or colour, the kernel is none, or one of them is of no use to these weights.
    """
    if feather and corruption.scale != 1:
        raise Error("a feather is for weights that keep the size of a picture; these enlarge it: leave out the feather")
    if feather and not corruption.masks and mask is None and mask_color is None:
        raise Error("a feather fades around holes, and nothing says where they are; give a mask or a mask colour too")
    if (mask is not None or mask_color is not None) and corruption.scale != 1:
        raise Error("a mask is for weights that keep the size of a picture; these enlarge it")
    color = None if mask_color is None else _color(mask_color)
    if kernel is None:
        return Told(mask, color, feather)
    known = read_kernel(str(kernel)) if isinstance(kernel, str | Path) else as_kernel(kernel)
    _check_kernel(corruption, known)
    return Told(mask, color, feather, known)


def _color(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue, *_ = ImageColor.getrgb(text)
    except ValueError:
        raise Error(f'no colour {text!r}: write it as "#ff00ff" or "magenta"') from None
    return red, green, blue


def read_observation(path: Path, corruption: Corruption, told: Told) -> Observed:
    """A file as its picture and as an observation of a corruption.

    Raises:
        Error: it cannot be read, or its mask is not there or of another size.
    """
    picture = read_picture(path, holes=corruption.masks and told.mask is None)
    mask = picture.mask if told.mask is None else _read_mask(told.mask, path, picture.image)
    if told.mask_color is not None:
        colored = _of_color(picture.image, told.mask_color)
        if not colored.any():
            warnings.warn(f"{path}: no pixel has just the mask's colour, so it fills nothing", stacklevel=2)
        mask = colored if mask is None else torch.maximum(mask, colored)
    share = None
    if told.feather and mask is not None:
        share = faded(mask, told.feather)
        mask = (share > 0).float()
    picture = filled(picture, mask) if corruption.masks else picture
    return Observed(picture, Observation(picture.image, mask, {**told.params, **_file(picture, path)}), share)


def _file(picture: Picture, path: Path) -> Mapping[str, bytes]:
    """For `Observation.params`: a JPEG file says how it was quantised."""
    return {"file": path.read_bytes()} if picture.format == "JPEG" else {}


def _of_color(image: Tensor, color: tuple[int, int, int]) -> Tensor:
    """(1, H, W), 1 where a picture (3, H, W) has just this 8-bit colour."""
    wanted = torch.tensor(color, dtype=torch.uint8).reshape(3, 1, 1)
    return (to_uint8(image) == wanted).all(dim=0, keepdim=True).float()


def faded(mask: Tensor, width: int) -> Tensor:
    """A mask (1, H, W) that falls from 1 in the holes to 0 at `width` + 1 pixels from them, in equal steps."""
    share, grown = mask.clone(), mask
    for distance in range(1, width + 1):
        grown = F.max_pool2d(grown, 3, stride=1, padding=1)
        share = torch.maximum(share, grown * (1 - distance / (width + 1)))
    return share


def _read_mask(given: Path, path: Path, image: Tensor) -> Tensor:
    """The mask (1, H, W) of a picture."""
    if given.is_dir():
        found = _nearest(_by_stem(given.resolve()).get(path.stem, []), given.resolve(), path)
        if len(found) != 1:
            count = "no mask" if not found else f"{len(found)} masks"
            raise Error(f"{path}: {count} of the name {path.stem!r} in {given}")
        given = found[0]
    mask = torch.from_numpy(PictureMasks((given,)).read(0)).float()[None]
    if mask.shape[1:] != image.shape[1:]:
        sizes = f"{mask.shape[2]}x{mask.shape[1]}, the picture {path} {image.shape[2]}x{image.shape[1]}"
        raise Error(f"{given}: the mask is {sizes}; they must agree")
    return mask


def _nearest(masks: list[Path], folder: Path, path: Path) -> list[Path]:
    """Of masks below a folder those whose path below it is the longest that a picture's ends with; all if none is."""
    parents = path.absolute().parent.parts
    shared: dict[int, list[Path]] = {}
    for mask in masks:
        below = mask.relative_to(folder).parent.parts
        if parents[len(parents) - len(below) :] == below:
            shared.setdefault(len(below), []).append(mask)
    return shared[max(shared)] if shared else masks


@cache
def _by_stem(folder: Path) -> dict[str, list[Path]]:
    """The pictures in a folder by their stem, listed once however many pictures ask."""
    found: dict[str, list[Path]] = {}
    for file in pictures_in(folder):
        found.setdefault(file.stem, []).append(file)
    return found


def _check_kernel(corruption: Corruption, kernel: Tensor) -> None:
    """See that knowing the kernel is of use: that it is just what the corruption's operator lacks.

    Raises:
        Error: the corruption is no blur.
    """
    gray = torch.zeros(3, *(max(64, 2 * size) for size in kernel.shape))  # large enough for any blur
    for params, lacking in ({}, True), ({"kernel": kernel}, False):
        try:
            corruption.operator(Observation(gray, params=params))
            lacks = False
        except NotLinear:
            lacks = True
        if lacks != lacking:
            raise Error("a kernel helps weights that were trained on blurs only; leave out the kernel")
