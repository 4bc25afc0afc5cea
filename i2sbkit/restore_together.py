"""Restoring in several processes: each takes every so-manieth file or shard, and the first tells what became of all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

from .batch import Made, Noted, Outcome, Report, silent
from .distributed import World
from .kernel.errors import Error
from .manifest import take_in
from .printable import one_line
from .report.collecting import Collector
from .reporting import warn
from .restore_plans import Facts, FilePlan, Plan, ShardPlan, StreamPlan, Work
from .stopping import Stopped

T = TypeVar("T")
Share = tuple[Sequence[Outcome], Sequence[str], tuple[str, int] | None]
"""What a process reports: outcomes, files written, and what stopped it: in words, and the signal."""


def check_shared(plan: Plan, page: Path | None, world: World) -> Plan:
    """The plan again, with what earlier processes left of their manifests taken in.

    Raises:
        Error: several processes cannot share it.
    """
    if world.size > 1 and (page or isinstance(plan, StreamPlan)):
        what = "--report FILE.html shows all pictures" if page else "- is one picture"
        raise Error(f"{what}, so it takes one process; leave it out, or restore without torchrun")
    if world.size > 1 and len(plan.jobs) < world.size:
        warn(f"{len(plan.jobs)} files or shards for {world.size} processes: the others have nothing to do")
    _take_in(plan)
    return plan


def run_plan(plan: Plan, work: Work, facts: Facts, collector: Collector | None = None, strict: bool = False) -> Report:
    """Do what is planned, all processes together; of the whole the first reports, the others of nothing.

    None ends before the last: torchrun would end the others with it.

    Args:
        collector: of the report, where there is one.
        strict: the first file that fails ends it.

    Raises:
        Error: strictly, one failed.
    """
    noted = collector.noted if collector else silent
    report, world = plan.run(work, facts, _ending(noted) if strict else noted), facts.world
    if world.size == 1:
        return report
    world.wait()
    if world.first:
        _take_in(plan)
    stopped = (str(report.stopped), report.stopped.exit_code - 128) if report.stopped else None
    return _merged(world.gathered((report.outcomes, report.written, stopped)))


def _ending(noted: Noted) -> Noted:
    """The same, but a file that failed ends the work."""

    def told(outcome: Outcome, made: Made) -> None:
        noted(outcome, made)
        if outcome.error:
            raise Error(f"{one_line(outcome.error)}; without --strict the others go on")

    return told


def _take_in(plan: Plan) -> None:
    if isinstance(plan, FilePlan | ShardPlan) and plan.folder:
        take_in(plan.folder)


def _merged(shares: Sequence[Share]) -> Report:
    """What processes that took jobs in turn report, as one."""
    outcomes = _in_turn([outcomes for outcomes, _, _ in shares])
    written = _in_turn([written for _, written, _ in shares])
    for _, _, stopped in shares:
        if stopped:
            message, signum = stopped
            told = f"stopped: {len(outcomes)} files restored; {message.rpartition('; ')[2]}"
            return Report(outcomes, Stopped(told, signum), written)
    return Report(outcomes, None, written)


def _in_turn(lists: Sequence[Sequence[T]]) -> list[T]:
    return [item for turn in zip_longest(*lists) for item in turn if item is not None]
