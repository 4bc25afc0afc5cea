"""Damaging clean pictures, in files or shards, as a corruption does, and writing what restore reads."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ..files import atomic
from ..images import Picture
from ..jobs.job import Job, Policy, find_jobs, settle_existing
from ..jobs.running import Made, Report, run_jobs
from ..kernel.interfaces import Observation
from ..pairs import Damage
from ..pictures.files import read_picture, write_picture
from ..recipe import Recipe
from ..restoring import content_seed
from ..sources.masks import masks_fingerprint
from .shard_jobs import all_shards, find_shard_jobs
from .shards import remove_leftovers, run_shards

SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp"}
"""How encoded files begin, for corruptions that are codecs."""


def degrade(sources: Sequence[Path], out: Path, recipe: Recipe, seed: int, policy: Policy) -> Report:
    """Damage pictures, folders or shards as a recipe says, by its masks too; see `Job` for where what is made goes.

    Raises:
        Error: inputs and output do not fit each other, or the policy; or the recipe's masks cannot be read.
    """
    damage = Damage.of(recipe)
    suffix, work = degraded_suffix(damage), file_degrader(damage, seed)
    if all_shards(sources, out):
        masks = [masks_fingerprint(path) for path in recipe.paths("masks")]
        found = find_shard_jobs(sources, out)
        jobs = settle_existing(found, policy)
        remove_leftovers(job for job in found if job not in jobs)
        return run_shards(jobs, work, suffix, repr((recipe.document["corruption"], masks, seed)), "degraded")
    return run_jobs(settle_existing(find_jobs(sources, out, suffix), policy), work, "degraded")


def degraded_suffix(damage: Damage) -> str:
    """The suffix of what damage makes: of its codec, or .png."""
    probe = damage.observed(torch.zeros(3, 64, 64), None, torch.Generator().manual_seed(0))
    encoded = probe.params.get("file", b"")
    return next((suffix for begin, suffix in SIGNATURES.items() if encoded.startswith(begin)), ".png")


def file_degrader(damage: Damage, seed: int) -> Callable[[Job], Made]:
    """The work of `run_jobs` on one clean file; the damage follows from the seed and the picture's content."""

    def work(job: Job) -> Made:
        picture = read_picture(job.source)
        if picture.alpha is not None:
            warnings.warn(f"{job.source}: what is damaged are its colours; its transparency is left out", stacklevel=2)
        generator = torch.Generator().manual_seed(content_seed(Observation(picture.image), seed, 0))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            observation = damage.observed(picture.image, None, generator)
        for each in caught:  # a corruption does not know the file
            warnings.warn(f"{job.source}: {each.message}", stacklevel=2)
        if picture.metadata.icc and observation.params.get("file") is not None:
            warnings.warn(f"{job.source}: its colour profile is left out; its colours may look different", stacklevel=2)
        write_observation(job.target, observation, Picture(picture.image, metadata=picture.metadata))
        return Made([job.target], observation.image[0].numel())

    return work


def write_observation(path: Path, observation: Observation, clean: Picture | None = None) -> None:
    """Write an observation as the file that restore reads: the codec's own bytes, or its pixels, rounded to 8 bits.

    What is missing becomes transparent.

    Args:
        clean: whose metadata goes with the pixels; a codec's bytes have none. RGB of 8 bits.
    """
    encoded = observation.params.get("file")
    if encoded is None:
        write_picture(path, observation.image, clean, holes=observation.mask)
        return
    with atomic(path) as temporary:
        temporary.write_bytes(encoded)
