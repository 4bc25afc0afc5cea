"""Pictures as tensors: 8-bit values and Pillow images to float32 in [-1, 1] and back."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def from_uint8(values: Tensor) -> Tensor:
    """8-bit values 0..255 as float32 in [-1, 1]: v / 127.5 - 1."""
    return values.to(torch.float32) / 127.5 - 1


def to_uint8(x: Tensor) -> Tensor:
    """Float values, clamped to [-1, 1], as the nearest 8-bit values: rounded, so that white stays white."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_pil(image: Image.Image) -> Tensor:
    """A Pillow image as RGB (3, H, W), float32 in [-1, 1]."""
    array = np.asarray(image.convert("RGB"))
    return from_uint8(torch.from_numpy(array.copy()).permute(2, 0, 1)).contiguous()


def to_pil(x: Tensor) -> Image.Image:
    """(3, H, W) in [-1, 1], clamped and rounded, as an 8-bit RGB Pillow image."""
    return Image.fromarray(to_uint8(x).permute(1, 2, 0).contiguous().cpu().numpy())
