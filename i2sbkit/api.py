"""The Python way in: load weights, restore pictures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .argument_types import described
from .checkpoint import Weights, read_weights
from .devices import pick_device
from .images import (
    array_to_pil,
    filled,
    fitted,
    from_array,
    from_pil,
    from_uint8,
    holes_of,
    in_range,
    pil_array,
    to_array,
    to_pil,
)
from .kernel.errors import Error
from .kernel.interfaces import Observation, Sampler
from .observing import told_of
from .pictures.opened_jpeg import jpeg_file
from .restoring import Restorer, Settings, warn_of_effort, warn_of_equal
from .shipped import find_weights

Picture = TypeVar("Picture", Image.Image, np.ndarray, Tensor)


def load(weights: str | Path, device: str | torch.device = "auto") -> Model:
    """Load bundled weights by their task, or others by their file or run folder: see `shipped.find_weights`.

    Raises:
        Error: no such weights, damaged, or of a plugin that is not installed; or no such device here.
    """
    return Model(read_weights(find_weights(weights)), pick_device(device))


class Model:
    """A network ready to restore pictures.

    Attributes:
        weights: its file: header, recipe, tensors.
        device: where it runs; a `UserWarning` says what of the backbone's options it cannot do.
    """

    def __init__(self, weights: Weights, device: torch.device) -> None:
        try:
            weights.recipe.parts.backbone.check_device(device)
        except Error as error:
            warnings.warn(f"{weights.path.name}: restoring goes on without, as {error}", stacklevel=3)
        self.weights = weights
        self.device = device
        self.net = weights.build(device)

    def restorer(self, settings: Settings) -> Restorer:
        """This network with settings to restore by, for many pictures."""
        return Restorer.of(self.weights, self.net, self.device, settings)

    def restore(
        self,
        image: Picture,
        *,
        mask: Image.Image | np.ndarray | Tensor | None = None,
        kernel: str | Path | np.ndarray | Tensor | None = None,
        nfe: int | None = None,
        sampler: str | Sampler | None = None,
        eta: float | None = None,
        seed: int = 0,
        samples: int = 1,
        tile: int | None = None,
        precision: str = "fp32",
        force: bool = False,
        effort: str | None = None,
        consistency: str | None = None,
    ) -> Picture | list[Picture]:
        """Restore a picture; the result has the type of what was given.

        Args:
            image: a Pillow image or a uint8 array (H, W, 3), which give the same back, clamped and rounded; or a float
                tensor (3, H, W) or (B, 3, H, W) in [-1, 1], which gives a tensor that is not clamped. Pillow images
                keep their mode L, LA, RGB, RGBA, I;16 or F (in [0, 1]); P becomes RGB or RGBA, and 1 becomes L.
            mask: a Pillow image, array or tensor (H, W) of the picture's size, non-zero = missing; or (B, 1, H, W).
                None: of a Pillow image with transparency, for weights that fill holes, what is not opaque is missing.
                Holes that such weights fill come back opaque.
            kernel: of the blur, where it is known: (h, w) numbers, "uniform:9", "gaussian:5:10" or a file of it.
            nfe, sampler, eta: None takes the weights' own defaults; a sampler is a name or a `Sampler`.
            seed: with the picture's content it fixes every random number.
            samples: how many draws; more than one gives a list.
            tile, precision: see `sampling.Evaluation`.
            force: use a sampler that does not fit the weights.
            effort: "fast", "balanced" or "best", in place of nfe, sampler and eta: what `i2sbkit tune` found.
            consistency: "cddb", "cddb-deep" or "ddnm", with a strength as in "cddb:0.5": how estimates are pulled
                towards the picture (docs/consistency.md), of a JPEG a Pillow image as it was opened; None: "ddnm" where
                the kernel is told, else not at all.

        Raises:
            Error: a picture of another kind, or settings that do not fit the weights.
        """
        if not isinstance(samples, Integral) or samples < 1:
            raise Error(f"samples must be at least 1, a whole number, got {samples!r}")
        settings = Settings(nfe, sampler, eta, seed, tile, precision, force, effort, consistency)
        restorer = self.restorer(settings)
        warn_of_effort(restorer, kernel is not None)
        observations = as_observations(image, mask, kernel, restorer)
        draws = [restorer.pictures(observations, number) for number in range(samples)]
        warn_of_equal(draws, restorer.sampler)
        holes = observations[0].mask if restorer.corruption.masks else None
        results = [like(image, draw, holes) for draw in draws]
        return results if samples > 1 else results[0]


def as_observations(image: Any, mask: Any, kernel: Any, restorer: Restorer) -> list[Observation]:
    """What `restore` takes, a picture each; with the file behind a JPEG where the consistency asks for it.

    Raises:
        Error: of another kind or size, or a kernel that is of no use.
    """
    file = jpeg_file(image) if restorer.settings.consistency and isinstance(image, Image.Image) else None
    batch = as_batch(image)
    if mask is not None:
        holes: Sequence[Tensor | None] = list(as_masks(mask, batch))
    else:
        holes = [_transparent(image) if restorer.corruption.masks else None] * len(batch)
    params = {**told_of(restorer.corruption, kernel=kernel).params, **({} if file is None else {"file": file})}
    return [Observation(each, hole, params) for each, hole in zip(batch, holes, strict=True)]


def _transparent(image: Any) -> Tensor | None:
    """Where a Pillow image is not opaque, (1, H, W); None of other kinds, which have no alpha."""
    return holes_of(from_array(pil_array(image)).alpha) if isinstance(image, Image.Image) else None


def as_batch(image: Any) -> Tensor:
    """(B, C, H, W) float32 in [-1, 1] from what `restore` takes.

    Raises:
        Error: it is none of these.
    """
    if isinstance(image, Image.Image):
        return from_pil(image)[None]
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return in_range(from_uint8(torch.from_numpy(image.copy()).permute(2, 0, 1)).contiguous()[None])
    if isinstance(image, Tensor) and image.is_floating_point() and image.dim() in (3, 4) and image.shape[-3] == 3:
        return in_range(image.detach().float()[(None,) * (4 - image.dim())])
    wanted = "a Pillow image, a uint8 array (H, W, 3) or a float tensor (3, H, W) or (B, 3, H, W) in [-1, 1]"
    raise Error(f"restore takes {wanted}, got {described(image)}")


def as_masks(mask: Any, batch: Tensor) -> Tensor:
    """(B, 1, H, W) float32, 1 = missing, of the batch's height and width; one mask serves for all of the batch.

    Raises:
        Error: of another size.
    """
    if isinstance(mask, Image.Image):
        mask = mask.convert("L")
    values = np.asarray(mask.detach().cpu() if isinstance(mask, Tensor) else mask)
    size, count = tuple(batch.shape[-2:]), len(batch)
    if values.shape not in (size, (1, *size), (count, 1, *size)):
        raise Error(f"the mask must be (H, W) = {size}, or (B, 1, H, W), got {described(mask)}")
    return torch.from_numpy((values != 0).reshape(-1, 1, *size)).float().expand(count, -1, -1, -1)


def like(image: Any, batch: Tensor, holes: Tensor | None) -> Any:
    """A restored batch as the type of `image`; a Pillow image is opaque where holes of it (1, H, W) were filled."""
    if isinstance(image, Tensor):
        return batch.reshape(*image.shape[:-3], *batch.shape[-3:]).to(image.device, image.dtype)
    if isinstance(image, Image.Image):
        picture = filled(from_array(pil_array(image)), holes)
        return array_to_pil(to_array(batch[0], fitted(picture, batch[0])))
    return np.array(to_pil(batch[0]))
