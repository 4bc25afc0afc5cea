"""The linear operators of deepinv (https://deepinv.github.io) as corruptions: data consistency works with them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor

import i2sbkit

if TYPE_CHECKING:
    from deepinv.physics import LinearPhysics

OPTIONS: Mapping[str, frozenset[str]] = {
    "Blur": frozenset({"sigma", "filter", "padding"}),
    "BlurFFT": frozenset({"sigma", "filter"}),
    "Downsampling": frozenset({"factor", "filter", "padding"}),
    "Inpainting": frozenset({"mask"}),
    "Demosaicing": frozenset({"pattern"}),
    "Decolorize": frozenset({"srf"}),
    "SinglePixelCamera": frozenset({"m", "ordering"}),
    "CompressedSensing": frozenset({"m", "seed"}),
}
"""The classes of `deepinv.physics` that are taken, and their options. No other name is ever looked up."""
PROJECTED = ("Decolorize", "SinglePixelCamera", "CompressedSensing")
"""What they measure is no picture of three channels: the observation is its back-projection, A^+ A x0."""
WITH_PINV = ("BlurFFT", "Inpainting", "Demosaicing")
"""Their `A_dagger` is the pseudo-inverse itself, not what a solver comes near."""
UNSIZED = ("Blur", "Decolorize")
"""Made without the size of a picture."""
PADDINGS = ("circular", "reflect", "replicate", "constant")


@dataclass(frozen=True)
class Deepinv(i2sbkit.Corruption):
    """y = A x0 for a linear operator A of `deepinv.physics`, without noise.

    Where A x0 is no picture, as for a camera of one pixel, the observation is A^+ A x0, of the picture's size: the
    operator is then the projection A^+ A, which asks of a restoration just what A does.

    Args:
        physics: the class: Blur, BlurFFT, Downsampling, Inpainting, Demosaicing, Decolorize, SinglePixelCamera or
            CompressedSensing.
        options: its options, as deepinv has them. `filter` of a blur is a list of rows; in its place `sigma`, in
            pixels, makes a Gaussian. `mask` of Inpainting is the share of pixels that are kept, drawn for each picture.
            `seed` of CompressedSensing draws its matrix, the same for all pictures.
    """

    physics: str
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.physics not in OPTIONS:
            raise i2sbkit.Error(f"physics must be one of {', '.join(OPTIONS)}, got {self.physics!r}")
        known = OPTIONS[self.physics]
        for name in self.options:
            if name not in known:
                raise i2sbkit.Error(
                    f"{self.physics} has no option {name!r} here; there are: {', '.join(sorted(known))}"
                )
        padding, share = self.options.get("padding", "circular"), self.options.get("mask", 0.5)
        if padding not in PADDINGS:
            raise i2sbkit.Error(f"padding must be one of {', '.join(PADDINGS)}, got {padding!r}")
        if not (isinstance(share, float) and 0 < share < 1):
            raise i2sbkit.Error(f"mask must be the share of pixels that are kept, in (0, 1), got {share!r}")
        if "Blur" in self.physics and ("sigma" in self.options) == ("filter" in self.options):
            raise i2sbkit.Error(f"{self.physics} needs either sigma, in pixels, or filter, a list of rows")
        factor = self.options.get("factor", 2)
        if not (isinstance(factor, int) and factor >= 2):
            raise i2sbkit.Error(f"factor must be a whole number, at least 2, got {factor!r}")

    @property
    def scale(self) -> int:  # type: ignore[override]
        """The factor of Downsampling."""
        return int(self.options.get("factor", 2)) if self.physics == "Downsampling" else 1

    @property
    def masks(self) -> bool:  # type: ignore[override]
        """Inpainting draws one."""
        return self.physics == "Inpainting"

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        if not self.masks:
            x0 = self._cropped(x0)
            return i2sbkit.Observation(self._operator(x0.shape).A(x0))
        kept = (torch.rand(1, *x0.shape[1:], generator=rng) < self.options.get("mask", 0.5)).to(x0)
        return i2sbkit.Observation(self._operator(x0.shape, kept).A(x0), 1 - kept)

    def lift(self, y: i2sbkit.Observation, rng: Generator) -> Tensor:
        return y.image.repeat_interleave(self.scale, -2).repeat_interleave(self.scale, -1)

    def operator(self, y: i2sbkit.Observation) -> i2sbkit.Operator:
        if self.masks and y.mask is None:
            raise i2sbkit.NotLinear("nothing says which pixels are missing; give a mask")
        channels, height, width = y.image.shape
        kept = None if y.mask is None else 1 - y.mask
        return self._operator((channels, height * self.scale, width * self.scale), kept)

    def _cropped(self, x0: Tensor) -> Tensor:
        """To whole pixels of what is observed, at the right and bottom."""
        height, width = x0.shape[-2:]
        fits = height - height % self.scale, width - width % self.scale
        if fits != (height, width):
            multiples = f"{fits[1]}x{fits[0]}, multiples of {self.scale}"
            warnings.warn(f"a picture of {width}x{height} is cropped to {multiples}", stacklevel=3)
        return x0[..., : fits[0], : fits[1]]

    def _operator(self, shape: tuple[int, ...], kept: Tensor | None = None) -> i2sbkit.Operator:
        """For pictures (C, H, W)."""
        if self.masks:
            physics = _made(self.physics, self.options, tuple(shape), kept)
        else:
            physics = _fixed(self.physics, json.dumps(self.options), tuple(shape))

        def alone(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
            def on_one(x: Tensor) -> Tensor:
                physics.to(x.device)
                return function(x[None])[0].to(x.dtype)

            return on_one

        if self.physics in PROJECTED:
            project = alone(lambda x: physics.A_dagger(physics.A(x)))
            return i2sbkit.Operator(project, project, project)
        pinv = alone(physics.A_dagger) if self.physics in WITH_PINV else None
        return i2sbkit.Operator(alone(physics.A), alone(physics.A_adjoint), pinv)


def _made(name: str, options: Mapping[str, Any], shape: tuple[int, ...], kept: Tensor | None) -> LinearPhysics:
    """deepinv's own object for pictures (C, H, W); `kept` (1, H, W) is the mask of Inpainting.

    Raises:
        Error: deepinv refuses the options, or pictures of this size.
    """
    from deepinv import physics  # here, because it takes seconds

    given = dict(options)
    if "Blur" in name:
        given["filter"] = _kernel(given.pop("sigma", None), given.get("filter"))
    if name == "Blur":
        given = {"padding": "circular", **given}
    if name == "Downsampling":
        given = {"filter": None, **given}
    if name == "CompressedSensing":
        given |= {"channelwise": True, "rng": Generator().manual_seed(given.pop("seed", 0))}
    if name == "Inpainting":
        given["mask"] = kept
    if name not in UNSIZED:
        given["img_size"] = shape
    try:
        made: LinearPhysics = getattr(physics, name)(**given)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise i2sbkit.Error(f"deepinv's {name}: {error}") from error
    return made


@lru_cache(maxsize=8)
def _fixed(name: str, options: str, shape: tuple[int, ...]) -> LinearPhysics:
    """One that no mask belongs to, made once: a matrix of CompressedSensing takes seconds to invert."""
    return _made(name, json.loads(options), shape, None)


def _kernel(sigma: Any, rows: Any) -> Tensor:
    """(1, 1, h, w), of sum 1."""
    from deepinv.physics.functional import gaussian_blur

    if rows is None:
        kernel: Tensor = gaussian_blur(sigma=tuple(sigma) if isinstance(sigma, list | tuple) else (sigma, sigma))
        return kernel
    kernel = torch.tensor(rows, dtype=torch.float32)
    return (kernel / kernel.sum())[None, None]


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"deepinv": Deepinv}
