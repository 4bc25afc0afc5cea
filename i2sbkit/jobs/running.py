"""One job after another: a bad file is reported and the rest goes on."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..kernel.errors import Error
from ..printable import one_line
from ..stopping import Stopped, stop_requests
from ..terminal import Bar
from .job import Job
from .outcomes import Outcome, Outcomes
from .progress import shares


@dataclass(frozen=True)
class Made:
    """What a job gave.

    Attributes:
        files: those written.
        pixels: in them, that were worked on.
        names: what reports call the files, where they do not lie there.
    """

    files: Sequence[Path]
    pixels: int
    names: Sequence[str] | None = None


@dataclass(frozen=True)
class Report:
    """What became of all jobs; `stopped`: a signal cut them short."""

    outcomes: Outcomes
    stopped: Stopped | None = None


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
    count: int | None = None,
) -> Report:
    """Do `work` for each job; Ctrl-C and SIGTERM let the job under way finish, a second Ctrl-C does not.

    Warnings and failures go to stderr, a line each, and on a terminal also the progress.

    Args:
        verb: what is done to the files, as "restored".
        resume: what to do about the rest after a signal.
        count: of the jobs, where they are found one by one.
    """
    known = list(jobs) if count is None else []
    total, outcomes = len(known) if count is None else count, Outcomes()
    with Bar(total, 0, "file", every=None) as bar, stop_requests(lambda: _tell(bar)) as stop:
        done = shares([job.source for job in known]) if bar.live else []
        began, megapixels = time.monotonic(), 0.0
        for number, job in enumerate(known or jobs, start=1):
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
            speed = f"{megapixels / (time.monotonic() - began):.2f} megapixels/s"
            bar.show(number, speed, done[number - 1] if done else min(number / total, 1.0))
            if stop.signum is not None and number < total:
                message = f"stopped: {number} of {total} files {verb}; {resume}"
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
    seconds = round(time.monotonic() - began, 3)
    return Outcome(str(job.source), names, seconds, made.pixels / 1e6, error, made.names is not None), made
