"""Restoring a file: read, restore, write; and what is drawn beside it on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .batch import Made
from .images import write_picture
from .jobs import Job
from .kernel.errors import Error
from .kernel.interfaces import Observation
from .observing import Told, read_observation
from .restoring import Restorer


@dataclass(frozen=True)
class Extras:
    """What is written for each input.

    Attributes:
        samples: how many draws; more than one are numbered, `photo.1.png`, `photo.2.png`, ...
        spread: also `photo.spread.png`, the standard deviation of the draws at each pixel.
        trajectory: also `photo.trajectory.png`, the states of the first draw as a strip, from degraded to restored.
    """

    samples: int = 1
    spread: bool = False
    trajectory: bool = False

    def targets(self, job: Job) -> list[Path]:
        """Every file that the job writes."""
        numbered = [_beside(job.target, str(number + 1)) for number in range(self.samples)]
        targets = [job.target] if self.samples == 1 else numbered
        targets += [_beside(job.target, "spread", ".png")] if self.spread else []
        return targets + ([_beside(job.target, "trajectory", ".png")] if self.trajectory else [])


def file_restorer(restorer: Restorer, extras: Extras, told: Told) -> Callable[[Job], Made]:
    """The work of `batch.run_jobs` on one file."""

    def work(job: Job) -> Made:
        picture, observation = read_observation(job.source, restorer.corruption, told)
        try:
            draws, strip = _draw(restorer, observation, extras)
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            height, width = picture.image.shape[1:]
            raise Error(f"{job.source}: {width}x{height} does not fit into memory; --tile 256 takes less") from None
        targets = extras.targets(job)
        paths = iter(targets)
        for draw in draws:
            write_picture(next(paths), draw, picture)
        if extras.spread:
            write_picture(next(paths), spread(draws))
        if extras.trajectory:
            write_picture(next(paths), torch.cat(strip, dim=2))
        return Made(targets, sum(draw[0].numel() for draw in draws))

    return work


def _draw(restorer: Restorer, observation: Observation, extras: Extras) -> tuple[list[Tensor], list[Tensor]]:
    """Every draw (3, H, W), and the states of the first behind the degraded picture, as large as they are."""
    scale = restorer.corruption.scale
    draws, strip = [], [observation.image.repeat_interleave(scale, -2).repeat_interleave(scale, -1)]
    for sample in range(extras.samples):
        for state in restorer.walk([observation], sample):
            last = state.x[0].float().cpu()
            if extras.trajectory and sample == 0:
                strip.append(last)
        draws.append(last)
    return draws, strip


def _out_of_memory(error: RuntimeError) -> bool:
    """Whether a device's memory ran out, or the machine's, which torch has no exception of its own for."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def spread(draws: list[Tensor]) -> Tensor:
    """The standard deviation of draws (3, H, W) at each pixel, over colours too: black is 0, white 0.25 of the range.

    The range is that of 8-bit values, so white is a standard deviation of 64 levels or more.
    """
    deviation = torch.stack(draws).clamp(-1, 1).std(dim=0).square().mean(dim=0, keepdim=True).sqrt()
    return (deviation / 0.25 - 1).expand(3, -1, -1)


def _beside(target: Path, word: str, suffix: str | None = None) -> Path:
    return target.with_name(f"{target.stem}.{word}{suffix or target.suffix}")
