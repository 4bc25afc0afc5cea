"""One job after another: a bad file is reported and the rest goes on."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .jobs import Job
from .kernel.errors import Error
from .reporting import Bar
from .stopping import Stopped, stop_requests


@dataclass(frozen=True)
class Made:
    """What a job gave: the files written, and the pixels in them that were worked on."""

    files: Sequence[Path]
    pixels: int


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `error` is None where it went well, and `outputs` empty where not."""

    input: str
    outputs: Sequence[str]
    seconds: float
    megapixels: float
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with a `status` of "done" or "failed"."""
        return {**asdict(self), "status": "failed" if self.error else "done"}


@dataclass(frozen=True)
class Report:
    """What became of all jobs, in order; `stopped` where a signal cut them short."""

    outcomes: Sequence[Outcome]
    stopped: Stopped | None = None


def run_jobs(jobs: Iterable[Job], work: Callable[[Job], Made], verb: str) -> Report:
    """Do `work` for each job; progress goes to stderr. Ctrl-C and SIGTERM let the job under way finish."""
    jobs = list(jobs)
    outcomes: list[Outcome] = []
    began, pixels = time.monotonic(), 0
    with Bar(len(jobs), 0, "file", every=10.0) as bar, stop_requests() as stop:
        for job in jobs:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                outcome = _attempt(job, work)
            for message in dict.fromkeys(str(warning.message) for warning in caught):
                bar.say(f"warning: {message}")
            outcomes.append(outcome)
            pixels += round(outcome.megapixels * 1e6)
            if outcome.error:
                bar.say(f"failed: {outcome.error}")
            bar.show(len(outcomes), f"{pixels / 1e6 / (time.monotonic() - began):.2f} megapixels/s")
            if stop.signum is not None and len(outcomes) < len(jobs):
                message = f"stopped: {len(outcomes)} of {len(jobs)} files {verb}; --skip-existing goes on"
                return Report(outcomes, Stopped(message, stop.signum))
    return Report(outcomes)


def _attempt(job: Job, work: Callable[[Job], Made]) -> Outcome:
    began = time.monotonic()
    made, error = Made([], 0), None
    try:
        made = work(job)
    except (Error, OSError) as problem:
        error = str(problem)
        if str(job.source) not in error:
            error = f"{job.source}: {error}"
    files = [str(file) for file in made.files]
    return Outcome(str(job.source), files, round(time.monotonic() - began, 3), made.pixels / 1e6, error)
