"""Damaging clean pictures, in files or shards, as a corruption does, and writing what restore reads."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from ..files import atomic
from ..images import Picture
from ..jobs.job import Job, Policy, find_jobs, settle_existing
from ..jobs.running import Made, Report, run_jobs
from ..kernel.interfaces import Corruption, Observation
from ..pictures.files import read_picture, write_picture
from ..recipe import Recipe
from ..restoring import content_seed
from .shards import all_shards, find_shard_jobs, run_shards

SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp"}
"""How encoded files begin, for corruptions that are codecs."""


def degraded_suffix(corruption: Corruption) -> str:
    """The suffix of what a corruption makes: of its codec, or .png."""
    probe = corruption.corrupt(torch.zeros(3, 64, 64), torch.Generator().manual_seed(0))
    encoded = probe.params.get("file", b"")
    return next((suffix for begin, suffix in SIGNATURES.items() if encoded.startswith(begin)), ".png")


def degrade(source: Path, out: Path, recipe: Recipe, seed: int, policy: Policy) -> Report:
    """Damage a picture, a folder or shards as a recipe says; see `Job` for where what is made goes.

    Raises:
        Error: input and output do not fit each other, or the policy.
    """
    corruption = recipe.parts.corruption
    suffix, work = degraded_suffix(corruption), file_degrader(corruption, seed)
    if all_shards([source]):
        jobs = settle_existing(find_shard_jobs([source], out), policy)
        return run_shards(jobs, work, suffix, repr((recipe.document["corruption"], seed)), "degraded")
    return run_jobs(settle_existing(find_jobs([source], out, suffix), policy), work, "degraded")


def file_degrader(corruption: Corruption, seed: int) -> Callable[[Job], Made]:
    """The work of `run_jobs` on one clean file; the damage follows from the seed and the picture's content."""

    def work(job: Job) -> Made:
        picture = read_picture(job.source)
        if picture.alpha is not None:
            warnings.warn(f"{job.source}: what is damaged are its colours; its transparency is left out", stacklevel=2)
        generator = torch.Generator().manual_seed(content_seed(Observation(picture.image), seed, 0))
        observation = corruption.corrupt(picture.image, generator)
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
