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
from .printable import one_line
from .progress import shares
from .reporting import Bar
from .stopping import Stopped, stop_requests


@dataclass(frozen=True)
class Made:
    """What a job gave.

    Attributes:
        files: those written.
        pixels: in them, that were worked on.
        names: what reports call the files, where that is not where they lie.
    """

    files: Sequence[Path]
    pixels: int
    names: Sequence[str] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `error` is None where it went well, and `outputs` empty where not."""

    input: str
    outputs: Sequence[str]
    seconds: float
    megapixels: float
    error: str | None = None

    @property
    def status(self) -> str:
        """ "done" or "failed"."""
        return "failed" if self.error else "done"

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with its `status`."""
        return {**asdict(self), "status": self.status}


@dataclass(frozen=True)
class Report:
    """What became of all jobs, in order.

    Attributes:
        stopped: a signal cut them short.
        files: those written, where that is not just the outputs of all outcomes.
    """

    outcomes: Sequence[Outcome]
    stopped: Stopped | None = None
    files: Sequence[str] | None = None

    @property
    def written(self) -> Sequence[str]:
        """The files that were written, in order."""
        outputs = [output for outcome in self.outcomes for output in outcome.outputs]
        return outputs if self.files is None else self.files


Noted = Callable[[Outcome, Made], None]
"""Told of each job as soon as it is over."""


def silent(outcome: Outcome, made: Made) -> None:
    """Nobody is told."""


def run_jobs(
    jobs: Iterable[Job],
    work: Callable[[Job], Made],
    verb: str,
    noted: Noted = silent,
    resume: str = "--skip-existing goes on",
) -> Report:
    """Do `work` for each job; Ctrl-C and SIGTERM let the job under way finish, a second Ctrl-C does not.

    Warnings and failures go to stderr, a line each, and on a terminal also the progress.

    Args:
        verb: what is done to the files, as "restored".
        resume: what to do about the rest after a signal.
    """
    jobs = list(jobs)
    outcomes: list[Outcome] = []
    with Bar(len(jobs), 0, "file", every=None) as bar, stop_requests(lambda: _tell(bar)) as stop:
        done = shares([job.source for job in jobs]) if bar.live else [1.0] * len(jobs)
        began, megapixels = time.monotonic(), 0.0
        for job, share in zip(jobs, done, strict=True):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                outcome, made = _attempt(job, work)
                outcomes.append(outcome)
                noted(outcome, made)
            for message in dict.fromkeys(str(warning.message) for warning in caught):
                bar.say(f"warning: {one_line(message)}")
            if outcome.error:
                bar.say(f"failed: {one_line(outcome.error)}")
            megapixels += outcome.megapixels
            bar.show(len(outcomes), f"{megapixels / (time.monotonic() - began):.2f} megapixels/s", share)
            if stop.signum is not None and len(outcomes) < len(jobs):
                message = f"stopped: {len(outcomes)} of {len(jobs)} files {verb}; {resume}"
                return Report(outcomes, Stopped(message, stop.signum))
    return Report(outcomes)


def _tell(bar: Bar) -> None:
    if bar.live:
        bar.say("stopping after this file; Ctrl-C again stops at once")


def _attempt(job: Job, work: Callable[[Job], Made]) -> tuple[Outcome, Made]:
    began = time.monotonic()
    made, error = Made([], 0), None
    try:
        made = work(job)
    except BrokenPipeError:  # whoever read our stdout has gone: nothing is wrong with the file
        raise
    except (Error, OSError, MemoryError) as problem:
        error = str(problem) or "does not fit into memory"  # Python's own MemoryError has no words
        if str(job.source) not in error:
            error = f"{job.source}: {error}"
    names = [str(file) for file in made.files] if made.names is None else made.names
    return Outcome(str(job.source), names, round(time.monotonic() - began, 3), made.pixels / 1e6, error), made
