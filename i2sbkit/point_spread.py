"""Blur kernels (point-spread functions): made from a few numbers, or read from a file."""

from __future__ import annotations

import math
import re
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .kernel.errors import Error

LARGEST = 1001
"""Pixels a side of a kernel."""
PICTURES = ("PNG", "TIFF", "BMP", "PPM", "GIF", "JPEG", "WEBP")
"""What a picture of a kernel may be; some other decoders of Pillow start programs."""
FORMS = "uniform:SIZE, gaussian:SIZE:SIGMA, or a file (a picture of the kernel, or .npy)"


def uniform_kernel(size: int) -> Tensor:
    """A box of `size` x `size` pixels; (size, size) float32, its sum 1.

    Raises:
        Error: the size is not odd, or above `LARGEST`.
    """
    _check_size(size, f"uniform:{size}")
    return torch.full((size, size), 1 / size**2)


def gaussian_kernel(size: int, sigma: float) -> Tensor:
    """A Gaussian of standard deviation `sigma` pixels, cut to (size, size); float32, its sum 1.

    Raises:
        Error: the size is not odd, or above `LARGEST`, or sigma is no number > 0.
    """
    _check_size(size, f"gaussian:{size}:{sigma}")
    sigma = _sigma(sigma, f"gaussian:{size}:{sigma}")
    taps = torch.exp(-0.5 * ((torch.arange(size, dtype=torch.float64) - (size - 1) / 2) / sigma) ** 2)
    taps = taps / taps.sum()
    return torch.outer(taps, taps).float()


def read_kernel(spec: str) -> Tensor:
    """The kernel that a text stands for: "uniform:9", "gaussian:5:10", or the path of a file.

    Of a picture the brightness counts. Sizes are made odd by a row or column of zeros, and the sum is made 1.

    Returns:
        (height, width) float32, both odd; entry (height // 2, width // 2) is the pixel itself.

    Raises:
        Error: none of these, or numbers that are no kernel.
    """
    if match := re.fullmatch(r"uniform:(\d+)", spec):
        return uniform_kernel(int(match[1]))
    if match := re.fullmatch(r"gaussian:(\d+):([-+.\de]+)", spec, re.IGNORECASE):
        return gaussian_kernel(int(match[1]), _sigma(match[2], spec))
    path = Path(spec)
    if not path.is_file():
        raise Error(f"kernel {spec!r}: no such file; give {FORMS}")
    return as_kernel(_values(path), str(path))


def as_kernel(values: np.ndarray | Tensor, name: str = "kernel") -> Tensor:
    """Numbers as a kernel: see `read_kernel`.

    Raises:
        Error: not real, not two-dimensional, not finite, or their sum is not positive.
    """
    try:
        numbers = np.asarray(values.detach().cpu().tolist() if isinstance(values, Tensor) else values)
    except ValueError:
        raise Error(f"{name}: a kernel is (height, width), and its rows differ in length") from None
    if numbers.dtype.kind not in "buif":
        raise Error(f"{name}: a kernel holds real numbers, got {numbers.dtype}")
    kernel = torch.as_tensor(numbers.astype(np.float64))
    if kernel.dim() != 2 or not kernel.numel() or max(kernel.shape) > LARGEST:
        raise Error(f"{name}: a kernel is (height, width), up to {LARGEST} each, got {tuple(kernel.shape)}")
    if not kernel.isfinite().all() or not kernel.sum() > 0:
        raise Error(f"{name}: a kernel holds finite numbers with a sum above 0")
    height, width = kernel.shape
    odd = torch.zeros(height + 1 - height % 2, width + 1 - width % 2, dtype=torch.float64)
    odd[:height, :width] = kernel
    return (odd / odd.sum()).float()


def _values(path: Path) -> np.ndarray:
    try:
        if path.suffix.lower() == ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        with Image.open(path, formats=PICTURES) as file:
            return np.asarray(file.convert("F"))
    except Exception as error:  # on damaged files Pillow's decoders raise nearly everything
        raise Error(f"kernel {path}: cannot be read ({' '.join(str(error).split())}); give {FORMS}") from None


def _sigma(given: str | float, spec: str) -> float:
    try:
        sigma = float(given)
    except (TypeError, ValueError):
        sigma = math.nan
    if not 0 < sigma < math.inf:
        raise Error(f"kernel {spec}: sigma must be a number > 0")
    return sigma


def _check_size(size: int, spec: str) -> None:
    if not isinstance(size, Integral) or size % 2 == 0 or not 1 <= size <= LARGEST:
        raise Error(f"kernel {spec}: the size must be an odd number up to {LARGEST}, so that the kernel has a middle")
