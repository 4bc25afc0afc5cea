"""Pictures as tensors: levels of 8 or 16 bits, floats and Pillow images to float32 in [-1, 1] and back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .argument_types import described
from .kernel.errors import Error
from .metadata import Metadata

FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP",
    ".avif": "AVIF",
}  # fmt: skip
"""File suffixes that count as pictures, and the format written for each."""

SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"lossless": True, "exact": True},  # exact: also where it is transparent
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}

HALF = {8: 127.5, 16: 32767.5, 32: 0.5}
"""Half of what is white, by depth: levels v are the value v / HALF - 1; 32 stands for floats in [0, 1]."""
LEVELS = {8: np.uint8, 16: np.uint16, 32: np.float32}
"""What holds the levels of a depth."""
FARTHEST = 10.0
"""Beyond this a float tensor holds 8-bit values, or none at all; observations may lie a little outside [-1, 1]."""


@dataclass(frozen=True)
class Picture:
    """A picture and what of it goes out again as it came in.

    Attributes:
        image: (3, H, W) in [-1, 1], upright.
        gray: it has one channel, which `image` repeats.
        alpha: (1, H, W) in [0, 1], 1 where it is opaque; None where it has no transparency, or it became the mask.
        depth: bits a channel, 8 or 16; 32 are floats, which may go beyond [-1, 1].
        mask: (1, H, W), 1 where the file is not opaque; None where it is wholly opaque, or was not asked.
        metadata: EXIF, XMP, colour profile and resolution.
        format: of the file, as Pillow names it; None where it comes from none.
    """

    image: Tensor
    gray: bool = False
    alpha: Tensor | None = None
    depth: int = 8
    mask: Tensor | None = None
    metadata: Metadata = field(default_factory=Metadata)
    format: str | None = None


def from_uint8(values: Tensor) -> Tensor:
    """8-bit values 0..255 as float32 in [-1, 1]: v / 127.5 - 1."""
    return values.to(torch.float32) / 127.5 - 1


def to_uint8(x: Tensor) -> Tensor:
    """Float values, clamped to [-1, 1], as the nearest 8-bit values: rounded, so that white stays white."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_array(array: np.ndarray) -> Picture:
    """Levels (H, W, C) of uint8, uint16 or float32 as a picture.

    Args:
        array: gray (C = 1), gray and alpha (2), RGB (3) or RGBA (4).
    """
    height, width, channels = array.shape
    depth = array.dtype.itemsize * 8
    gray, image = channels < 3, torch.empty(3, height, width)
    for channel, plane in enumerate(image):  # one after another: 100 megapixels of float32 are 1.2 GB
        np.divide(array[..., 0 if gray else channel], HALF[depth], out=plane.numpy(), dtype=np.float32)
    alpha = None
    if channels in (2, 4):
        alpha = torch.from_numpy(np.divide(array[..., -1], 2 * HALF[depth], dtype=np.float32))[None]
    return Picture(image.sub_(1), gray, alpha, depth)


def to_array(image: Tensor, like: Picture) -> np.ndarray:
    """(3, H, W) as levels (H, W, C) of the kind that `like` has: its depth, gray or RGB, with its alpha.

    Levels of 8 and 16 bits are clamped and rounded, floats are neither.
    """
    exact = torch.float64 if like.depth == 32 else None  # the mean of three equal floats is not always that float
    planes = [image.mean(dim=0, dtype=exact)] if like.gray else list(image)
    planes += [] if like.alpha is None else [2 * like.alpha[0] - 1]
    array = np.empty((*image.shape[-2:], len(planes)), LEVELS[like.depth])
    for channel, plane in enumerate(planes):
        array[..., channel] = _levels(plane, like.depth).cpu().numpy()
    return array


def _levels(x: Tensor, depth: int) -> Tensor:
    if depth == 32:
        return (x + 1) * HALF[32]
    return (x.clamp(-1, 1) + 1).mul_(HALF[depth]).round_()


def fitted(like: Picture, image: Tensor) -> Picture:
    """`like` with its alpha as large as a picture (3, H, W), enlarged by Lanczos where that is larger."""
    if like.alpha is None or like.alpha.shape[1:] == image.shape[1:]:
        return like
    small = Image.fromarray(like.alpha[0].numpy())
    large = small.resize((image.shape[2], image.shape[1]), Image.Resampling.LANCZOS)
    return replace(like, alpha=torch.from_numpy(np.asarray(large).copy())[None].clamp(0, 1))


def holes_of(alpha: Tensor | None) -> Tensor | None:
    """Where a picture of this alpha is not opaque, (1, H, W), even in part; None where it is nowhere."""
    return (alpha < 1).float() if alpha is not None and bool((alpha < 1).any()) else None


def filled(picture: Picture, mask: Tensor | None) -> Picture:
    """The same, opaque where a mask (1, H, W) says that pixels were missing: there are new ones now."""
    if picture.alpha is None or mask is None:
        return picture
    return replace(picture, alpha=torch.maximum(picture.alpha, mask))


def pil_array(image: Image.Image) -> np.ndarray:
    """The pixels of a Pillow image as levels (H, W, C), palettes and transparent colours resolved.

    Raises:
        Error: no Pillow image, or a mode that has no such levels, as CMYK or LAB.
    """
    if not isinstance(image, Image.Image):
        raise Error(f"a Pillow image is wanted, got {described(image)}")
    if image.mode == "F":
        return np.asarray(image)[..., None]
    if image.mode.startswith("I;16"):
        gray = np.asarray(image).astype(np.uint16)[..., None]
        clear = image.info.get("transparency")
        return gray if clear is None else np.concatenate([gray, (gray != clear) * np.uint16(65535)], axis=2)
    if image.mode not in ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"):
        raise Error(f"pixels of the kind {image.mode}; convert it to RGB first")
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    mode += "A" if image.has_transparency_data else ""
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array[..., None] if array.ndim == 2 else array


def array_to_pil(array: np.ndarray) -> Image.Image:
    """Levels (H, W, C) of 8 bits, or gray ones of any depth, as a Pillow image."""
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def from_pil(image: Image.Image) -> Tensor:
    """A Pillow image as RGB (3, H, W), float32 in [-1, 1]; I;16 keeps its depth, F is in [0, 1], alpha is left out.

    Raises:
        Error: a mode that `Model.restore` does not take either, as CMYK, or an empty image.
    """
    return in_range(from_array(pil_array(image)).image)


def in_range(x: Tensor) -> Tensor:
    """The same, if it can be a picture in [-1, 1].

    Raises:
        Error: it is empty, holds NaN, or reaches beyond `FARTHEST`.
    """
    if not x.numel():
        raise Error(f"the picture is empty: {tuple(x.shape)}")
    farthest = float(torch.stack(x.aminmax()).abs().max())  # without a copy of the picture; nan where it holds any
    if not farthest <= FARTHEST:
        raise Error(
            f"float tensors are in [-1, 1], Pillow's floats in [0, 1]; as a tensor this picture reaches {farthest:g}: "
            "bring 8-bit values there with x / 127.5 - 1, or x / 255"
        )
    return x


def to_pil(x: Tensor) -> Image.Image:
    """(3, H, W) in [-1, 1], clamped and rounded, as an 8-bit RGB Pillow image.

    Raises:
        Error: another type, dtype or shape, or it holds NaN.
    """
    if not (isinstance(x, Tensor) and x.is_floating_point() and x.dim() == 3 and x.shape[0] == 3 and x.numel()):
        raise Error(f"to_pil takes a float tensor (3, H, W) in [-1, 1], got {described(x)}")
    x = x.detach().float()
    if x.max().isnan():
        raise Error("to_pil: the picture holds NaN, which is no colour")
    return array_to_pil(to_array(x, Picture(x)))


def uint8_to_pil(values: Tensor) -> Image.Image:
    """8-bit values (3, H, W) as an RGB Pillow image."""
    return Image.fromarray(values.permute(1, 2, 0).contiguous().cpu().numpy())
