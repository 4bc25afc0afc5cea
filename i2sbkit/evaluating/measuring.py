"""The loop of an evaluation: case by case, arm by arm, with nothing kept but sums."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from ..determinism import deterministic_now
from ..kernel.errors import Error
from ..kernel.interfaces import Observation
from ..metrics import Prepared
from ..stopping import stop_requests
from ..terminal import Bar
from . import rows
from .arms import Way
from .cases import Case, Cases
from .folder import Folder
from .judging import Judge, Judged
from .tally import Tally

INPUT = "input"
SAVE_EVERY = 30.0
"""Seconds between two states on disk."""


@dataclass(frozen=True)
class EvaluationPlan:
    """What is measured.

    Attributes:
        samples: draws a picture.
        batch: pictures of one size that are restored together.
        told: the restoration knows what the damage drew, such as a blur's kernel.
    """

    cases: Cases
    ways: Sequence[Way]
    judge: Judge
    samples: int = 1
    batch: int = 1
    told: bool = False

    @property
    def labels(self) -> list[str]:
        """The arms, the input first."""
        return [INPUT, *(way.arm.label for way in self.ways)]

    def tally(self) -> Tally:
        """Empty sums."""
        return Tally(self.labels, self.judge.columns, list(self.judge.scorer.set_networks))

    def observed(self, case: Case) -> Observation:
        """What the restoration is given.

        Raises:
            Error: it is to be told what the damage drew, and there is nothing that helps.
        """
        if not self.told:
            return case.blind
        if "kernel" not in case.observation.params:
            raise Error("nothing to tell: what this damage draws helps no restoration; leave out --told")
        return case.observation


def measure(
    plan: EvaluationPlan, folder: Folder, called_off: Callable[[], bool] = lambda: False
) -> tuple[Tally, int | None]:
    """Do what is left of a part; again the same after it was cut short.

    Args:
        called_off: asked after each group of pictures whether to leave off.

    Returns:
        The sums, and the signal that cut it short; what was done is kept.

    Raises:
        Error: a photograph cannot be read, or is too small.
    """
    tally = plan.tally()
    if folder.load(tally):
        return tally, None
    left = plan.cases.beyond(rows.last_number(folder.rows))
    saved = time.monotonic()
    with (
        Bar(len(plan.cases), tally.pictures, "picture") as bar,
        stop_requests() as stop,
        closing(folder.rows.open("a", encoding="utf-8")) as file,
    ):
        for number, group in enumerate(_grouped(left, plan.batch)):
            if number == 0:
                _warm_up(plan, group)
            found = _measure(plan, group, tally)
            rows.append(file, found)
            bar.show(tally.pictures, "")
            stopping = stop.signum is not None or called_off()
            if stopping or time.monotonic() - saved > SAVE_EVERY:
                rows.sync(file)
                folder.save(tally, done=False)
                saved = time.monotonic()
            if stopping and tally.pictures < len(plan.cases):
                return tally, stop.signum
        rows.sync(file)
    folder.save(tally, done=True)
    return tally, None


def _grouped(cases: Cases, batch: int) -> Iterator[list[Case]]:
    """Neighbours of one size, at most `batch` of them."""
    group: list[Case] = []
    for case in cases:
        if group and (len(group) == batch or case.observation.image.shape != group[0].observation.image.shape):
            yield group
            group = []
        group.append(case)
    if group:
        yield group


def _warm_up(plan: EvaluationPlan, group: Sequence[Case]) -> None:
    """One evaluation that is not timed: the first one of a size prepares the machine."""
    next(plan.ways[0].restorer.walk([plan.observed(case) for case in group]))


def _measure(plan: EvaluationPlan, group: Sequence[Case], tally: Tally) -> list[rows.Row]:
    """The rows of some cases, counted in."""
    found = [_start(plan, case, tally) for case in group]
    observations = [plan.observed(case) for case in group]
    for way in plan.ways:
        began = time.perf_counter()
        draws = [way.restorer.pictures(observations, number) for number in range(plan.samples)]
        taken = (time.perf_counter() - began) / len(group) / plan.samples
        seconds = None if deterministic_now() else taken
        for place, (case, (prepared, of_case)) in enumerate(zip(group, found, strict=True)):
            judged = plan.judge.of_draws(case, prepared, [draw[place] for draw in draws])
            of_case.append(_count(tally, case, way.arm.label, judged, seconds))
    return [each for _, of_case in found for each in of_case]


def _start(plan: EvaluationPlan, case: Case, tally: Tally) -> tuple[Prepared, list[rows.Row]]:
    prepared = plan.judge.prepared(case)
    tally.add_clean(f"{case.number} {case.key}", prepared.pooled, case.enlarged)
    return prepared, [_count(tally, case, INPUT, plan.judge.of_input(case, prepared), None)]


def _count(tally: Tally, case: Case, arm: str, judged: Judged, seconds: float | None) -> rows.Row:
    tally.add(f"{case.number} {case.key}", arm, judged, seconds)
    return rows.row(case.number, case.key, arm, seconds, judged.values)
