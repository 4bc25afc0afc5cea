"""Restoring a file: read, restore, write; and what is drawn beside it on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..images import Picture
from ..jobs.job import Job
from ..jobs.running import Made
from ..kernel.errors import Error
from ..kernel.interfaces import Observation
from ..memory import out_of_memory
from ..observing import Told, read_observation
from ..pictures.files import Encoding, warn_of_inexact, write_picture
from ..report.collecting import Collector
from ..report.film import Film
from ..restoring import Restorer, warn_of_equal


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


def file_restorer(
    restorer: Restorer,
    extras: Extras,
    told: Told,
    collector: Collector | None = None,
    encoding: Encoding = Encoding(),  # noqa: B008 - a value
) -> Callable[[Job], Made]:
    """The work of `run_jobs` on one file; `encoding` is of the draws, `collector` is shown all for the report."""

    def work(job: Job) -> Made:
        observed = read_observation(job.source, restorer.corruption, told)
        picture = observed.picture
        film = collector.film() if collector else None
        try:
            draws, strip = _draw(restorer, observed.observation, extras, film)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            height, width = picture.image.shape[1:]
            whole = restorer.settings.tile == 0
            advice = "whole: leave out --tile 0" if whole else "even in tiles: cut it up, or free memory"
            raise Error(f"{job.source}: {width}x{height} does not fit into memory, {advice}") from None
        warn_of_equal(draws, restorer.sampler)
        draws = [observed.blended(draw) for draw in draws]
        targets = extras.targets(job)
        if observed.observation.mask is not None:
            warn_of_inexact(targets[0], encoding)
        paths = iter(targets)
        for draw in draws:
            write_picture(next(paths), draw, picture, encoding=encoding)
        if extras.spread:
            write_picture(next(paths), spread(draws))
        if extras.trajectory:
            write_picture(next(paths), torch.cat(strip, dim=2))
        if collector:
            differ = deviation(draws) if len(draws) > 1 else None
            collector.add(job, targets[0], _as_seen(strip[0], picture), draws[0], film, differ)
        return Made(targets, sum(draw[0].numel() for draw in draws))

    return work


def _draw(
    restorer: Restorer, observation: Observation, extras: Extras, film: Film | None
) -> tuple[list[Tensor], list[Tensor]]:
    """Every draw (3, H, W), and the states of the first behind the degraded picture, as large as they are."""
    draws, strip = [], [_enlarged(observation.image, restorer.corruption.scale)]
    for sample in range(extras.samples):
        watch = film.watch if film and sample == 0 else None
        for state in restorer.walk([observation], sample, watch):
            last = state.x[0].float().cpu()
            if extras.trajectory and sample == 0:
                strip.append(last)
        draws.append(last)
    return draws, strip


def _enlarged(image: Tensor, scale: int) -> Tensor:
    """(3, h, w) as large as its restored picture; no copy where it is already."""
    return image if scale == 1 else image.repeat_interleave(scale, -2).repeat_interleave(scale, -1)


def _as_seen(image: Tensor, picture: Picture) -> Tensor:
    """A degraded picture (3, H, W) on white where it is transparent, whatever lies hidden there."""
    return image if picture.mask is None else torch.where(picture.mask > 0, 1.0, image)


def spread(draws: list[Tensor]) -> Tensor:
    """The standard deviation of draws (3, H, W) at each pixel, over colours too: black is 0, white 0.25 of the range.

    The range is that of 8-bit values, so white is a standard deviation of 64 levels or more.
    """
    return (deviation(draws) / 0.25 - 1).expand(3, -1, -1)


def deviation(draws: list[Tensor]) -> Tensor:
    """The standard deviation of draws (3, H, W) in [-1, 1] at each pixel, over colours too: (H, W)."""
    return torch.stack(draws).clamp(-1, 1).std(dim=0).square().mean(dim=0).sqrt()


def _beside(target: Path, word: str, suffix: str | None = None) -> Path:
    return target.with_name(f"{target.stem}.{word}{suffix or target.suffix}")
