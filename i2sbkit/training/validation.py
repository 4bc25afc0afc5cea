"""Pictures restored while training: PSNR at chosen numbers of network evaluations, and a sheet to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..data import open_data
from ..files import atomic
from ..images import to_pil
from ..kernel.errors import Error
from ..kernel.rng import Rng, derive_seed
from ..metrics import psnr
from ..pairs import Damage, Pair, validation_pairs
from ..recipe import Recipe
from ..sampling import last_state, walk
from ..sources.skipping import Skipped

SAMPLES = "samples"
"""The folder of the sheets in a run folder."""


@dataclass(frozen=True)
class Validation:
    """The held-out pairs of a recipe."""

    recipe: Recipe
    pairs: list[Pair]

    @classmethod
    def of(cls, recipe: Recipe, skipped: Skipped | None = None) -> Validation | None:
        """The recipe's `data.val`, or None where it names none; `skipped` takes note of what is damaged.

        Raises:
            Error: its sampler cannot take one of `val_nfe`, or the pictures cannot be read.
        """
        if not recipe.paths("val"):
            return None
        if "nfe" not in recipe.document["sampler"]:
            raise Error(
                f"sampler {recipe.document['sampler']['name']!r} has no option nfe: leave out data.val or take another"
            )
        _check_nfe(recipe)
        options = recipe.data
        pairs = validation_pairs(
            open_data(recipe, "val", skipped), Damage.of(recipe), size=options.val_size, crop=options.crop,
            seed=recipe.train.seed, count=recipe.train.val_images, skipped=skipped,
        )  # fmt: skip
        return cls(recipe, pairs)

    def measure(self, net: nn.Module, device: torch.device) -> tuple[dict[str, float], Tensor]:
        """Mean PSNR of the inputs and of the results at each `val_nfe`; and the first pictures as a sheet (3, H, W)."""
        metrics = {"psnr_input": _mean([psnr(pair.x1, pair.x0) for pair in self.pairs])}
        columns = [[pair.x1, pair.x0] for pair in self.pairs]
        for nfe in self.recipe.train.val_nfe:
            sampler: Any = replace(self.recipe.parts.sampler, nfe=nfe)  # type: ignore[type-var]
            values = []
            for number, pair in enumerate(self.pairs):
                rng = Rng([derive_seed(self.recipe.train.seed, "validation", number)])
                lifted = pair.x1[None].to(device, memory_format=torch.channels_last)
                mask = None if pair.mask is None else pair.mask[None].to(device)
                result = last_state(walk(net, self.recipe, sampler, lifted, rng, mask=mask)).x[0].cpu()
                values.append(psnr(result.clamp(-1, 1), pair.x0))
                columns[number].insert(-1, result)
            metrics[f"psnr_nfe{nfe}"] = _mean(values)
        rows = [torch.cat(column, dim=2) for column in columns[:4]]
        return metrics, torch.cat(rows, dim=1)

    def write(self, run: Path, step: int, sheet: Tensor) -> None:
        """Put a sheet into the run's `samples/`: degraded, restored at each nfe, clean."""
        with atomic(self.sheet(run, step)) as temporary:
            to_pil(sheet).save(temporary, "PNG")

    def due(self, step: int) -> bool:
        """Whether it is made at a step: every `val_every`, and at the last."""
        options = self.recipe.train
        return step % options.val_every == 0 or step == options.iterations

    def sheet(self, run: Path, step: int) -> Path:
        """Where the sheet of a step is put in a run folder: the last of what a validation makes."""
        return run / SAMPLES / f"step-{step:08d}.png"


def _check_nfe(recipe: Recipe) -> None:
    """Walk the bridge of one pixel at each `val_nfe`, so that one that cannot be is told before training, not in it."""
    for nfe in recipe.train.val_nfe:
        x1 = torch.zeros(1, 1, 1, 1)
        try:
            sampler: Any = replace(recipe.parts.sampler, nfe=nfe)  # type: ignore[type-var]
            last_state(sampler.sample(lambda x_n, n: x_n, recipe.parts.bridge, x1, Rng([0])))
        except Error as error:
            raise Error(f"train.val_nfe: {nfe}: {error}") from None


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
