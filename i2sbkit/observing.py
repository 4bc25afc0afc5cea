"""From a file, and what its owner knows of the damage, to an observation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .images import Picture, read_picture
from .jobs import pictures_in
from .kernel.errors import Error, NotLinear
from .kernel.interfaces import Corruption, Observation
from .masks import PictureMasks
from .point_spread import as_kernel, read_kernel


@dataclass(frozen=True)
class Told:
    """What is known of the damage beyond the pictures.

    Attributes:
        mask: a picture, white = missing, for all pictures; or a folder of them, matched by stem. None: of a picture
            with transparency, for weights that fill holes, what is not opaque is missing.
        kernel: of a blur, (h, w) with odd sizes and the sum 1.
    """

    mask: Path | None = None
    kernel: Tensor | None = None

    def __post_init__(self) -> None:
        if self.mask is not None and not self.mask.exists():
            raise Error(f"{self.mask}: no such mask; give a picture, or a folder of masks named like the pictures")

    @property
    def params(self) -> Mapping[str, Any]:
        """For `Observation.params`."""
        return {} if self.kernel is None else {"kernel": self.kernel}


def told_of(corruption: Corruption, mask: Path | None = None, kernel: str | np.ndarray | Tensor | None = None) -> Told:
    """What the user says of pictures that weights of this corruption restore.

    Args:
        kernel: (h, w) numbers, or what `point_spread.read_kernel` takes.

    Raises:
        Error: there is no such mask, the kernel is none, or it is of no use to these weights.
    """
    if kernel is None:
        return Told(mask)
    known = read_kernel(kernel) if isinstance(kernel, str) else as_kernel(kernel)
    _check_kernel(corruption, known)
    return Told(mask, known)


def read_observation(path: Path, corruption: Corruption, told: Told) -> tuple[Picture, Observation]:
    """A file as its picture and as an observation of a corruption.

    Raises:
        Error: it cannot be read, or its mask is not there or of another size.
    """
    picture = read_picture(path, holes=corruption.masks and told.mask is None)
    mask = picture.mask if told.mask is None else _read_mask(told.mask, path, picture.image)
    return picture, Observation(picture.image, mask, told.params)


def _read_mask(given: Path, path: Path, image: Tensor) -> Tensor:
    """The mask (1, H, W) of a picture."""
    if given.is_dir():
        found = [file for file in pictures_in(given) if file.stem == path.stem]
        if len(found) != 1:
            count = "no mask" if not found else f"{len(found)} masks"
            raise Error(f"{path}: {count} of the name {path.stem!r} in {given}")
        given = found[0]
    mask = torch.from_numpy(PictureMasks((given,)).read(0)).float()[None]
    if mask.shape[1:] != image.shape[1:]:
        sizes = f"{mask.shape[2]}x{mask.shape[1]}, the picture {path} {image.shape[2]}x{image.shape[1]}"
        raise Error(f"{given}: the mask is {sizes}; they must agree")
    return mask


def _check_kernel(corruption: Corruption, kernel: Tensor) -> None:
    """See that knowing the kernel is of use: that it is just what the corruption's operator lacks.

    Raises:
        Error: the corruption is no blur.
    """
    gray = torch.zeros(3, 2 * kernel.shape[0], 2 * kernel.shape[1])
    for params, lacking in ({}, True), ({"kernel": kernel}, False):
        try:
            corruption.operator(Observation(gray, params=params))
            lacks = False
        except NotLinear:
            lacks = True
        if lacks != lacking:
            raise Error("a kernel helps weights that were trained on blurs only; leave out the kernel")
