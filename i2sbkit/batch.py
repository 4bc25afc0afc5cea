"""One job after another: a bad file is reported and the rest goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .jobs import Job
from .kernel.errors import Error
from .reporting import Bar
from .stopping import Stopped, stop_requests


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `error` is None where it went well."""

    input: str
    output: str
    seconds: float
    megapixels: float
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with a `status` of "done" or "failed"."""
        return {**asdict(self), "status": "failed" if self.error else "done"}


def run_jobs(jobs: Iterable[Job], work: Callable[[Job], int], verb: str) -> list[Outcome]:
    """Do `work`, which gives the pixels of its result, for each job; progress goes to stderr.

    Raises:
        Stopped: Ctrl-C or SIGTERM came; what was under way is finished, nothing is half-written.
    """
    jobs = list(jobs)
    outcomes: list[Outcome] = []
    began, pixels = time.monotonic(), 0
    with Bar(len(jobs), 0, "file", every=10.0) as bar, stop_requests() as stop:
        for job in jobs:
            outcome = _attempt(job, work)
            outcomes.append(outcome)
            pixels += round(outcome.megapixels * 1e6)
            if outcome.error:
                bar.say(f"failed: {outcome.error}")
            bar.show(len(outcomes), f"{pixels / 1e6 / (time.monotonic() - began):.2f} megapixels/s")
            if stop.signum is not None and len(outcomes) < len(jobs):
                raise Stopped(
                    f"stopped: {len(outcomes)} of {len(jobs)} files {verb}; --skip-existing goes on", stop.signum
                )
    return outcomes


def _attempt(job: Job, work: Callable[[Job], int]) -> Outcome:
    began = time.monotonic()
    try:
        pixels, error = work(job), None
    except Error as problem:
        pixels, error = 0, str(problem)
    except OSError as problem:
        pixels, error = 0, f"{job.source}: {problem}"
    return Outcome(str(job.source), str(job.target), round(time.monotonic() - began, 3), pixels / 1e6, error)
