"""What `restore --report` shows, gathered picture by picture."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from ..comparing import read_measurable
from ..jobs.job import Job
from ..jobs.outcomes import Outcome
from ..jobs.running import Made
from ..kernel.errors import Error
from ..metrics import Scorer
from ..restoring import Restorer
from .entries import Entry, Spread
from .film import Film
from .previews import heat, preview

LIMIT = 100
"""So many pictures are shown; of further ones the page has the numbers."""
LEVELS = 127.5
"""8-bit levels in a unit of [-1, 1]."""


COLUMNS = ("psnr_rgb", "ssim_rgb")


@dataclass(frozen=True)
class Measured:
    """A picture against its reference, as it was given and restored: the values of `COLUMNS`."""

    before: Mapping[str, float]
    after: Mapping[str, float]


@dataclass(frozen=True)
class Restored:
    """What became of a file.

    Attributes:
        size: width and height of the result; None where it failed, as are all of the following.
        measured: None without a reference.
        entry: None beyond `LIMIT`.
    """

    outcome: Outcome
    size: tuple[int, int] | None = None
    measured: Measured | None = None
    entry: Entry | None = None


class Collector:
    """Keeps small copies of what is restored, one picture after the other: `film`, `add` and `noted` for each.

    Args:
        samples: draws a picture.
        references: the clean picture of what is written to each target.

    Attributes:
        restored: what became of each file so far, in order.
    """

    def __init__(self, restorer: Restorer, samples: int = 1, references: Mapping[Path, Path] | None = None) -> None:
        self.restorer, self.samples = restorer, samples
        self.references = references or {}
        self.restored: list[Restored] = []
        self._room = LIMIT
        self._scorer = Scorer(COLUMNS, "cpu")
        self._latest: tuple[tuple[int, int], Measured | None, Entry | None] | None = None

    def film(self) -> Film | None:
        """For the next picture's first draw; None where the page will not show it."""
        return Film(self.restorer.sampler.nfe) if self._room else None

    def add(
        self,
        job: Job,
        written: Path,
        before: Tensor,
        after: Tensor,
        film: Film | None = None,
        deviation: Tensor | None = None,
    ) -> None:
        """A picture that is restored and written; whether its job went well says `noted`.

        Args:
            written: the file of its first draw.
            before, after: (3, H, W) in [-1, 1], of one size: what was given, and the first draw.
            deviation: (H, W) in the same units, the standard deviation of several draws.
        """
        reference = self.references.get(job.target)
        measured = self._measured(written, before, reference) if reference else None
        entry = self._entry(job, before, after, film, deviation) if self._room else None
        self._latest = ((after.shape[2], after.shape[1]), measured, entry)

    def noted(self, outcome: Outcome, made: Made) -> None:
        """What became of the job: `run_jobs` tells it."""
        if outcome.error or not self._latest:
            self.restored.append(Restored(outcome))
        else:
            size, measured, entry = self._latest
            named = replace(entry, name=outcome.input) if entry else None
            self.restored.append(Restored(outcome, size, measured, named))
            self._room -= entry is not None
        self._latest = None

    def _entry(self, job: Job, before: Tensor, after: Tensor, film: Film | None, deviation: Tensor | None) -> Entry:
        if film:
            film.end(after)
        return Entry(
            str(job.source),
            preview(before),
            preview(after),
            self._labels(),
            film=film.frames if film else (),
            spread=None if deviation is None else Spread(*heat(deviation * LEVELS), self.samples),
        )

    def _labels(self) -> tuple[str, str]:
        scale = self.restorer.corruption.scale
        before = "before" if scale == 1 else f"before, × {scale}"
        return before, "restored"

    def _measured(self, written: Path, before: Tensor, reference: Path) -> Measured | None:
        """The file as `compare` measures it; None, with a warning, where that cannot be."""
        try:
            after, clean = read_measurable(written, reference, self._scorer)
        except Error as error:
            warnings.warn(f"not measured: {error}", stacklevel=3)
            return None
        prepared = self._scorer.prepared(clean)
        return Measured(*(self._scorer.score(each, prepared).values for each in (before, after)))
