"""Restoring in several processes: each takes every so-manieth file or shard, and the first tells what became of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain, islice, zip_longest
from pathlib import Path

from ..distributed import World
from ..jobs.manifest import take_in
from ..jobs.outcomes import Outcome, Outcomes
from ..jobs.running import Made, Noted, Report, silent
from ..kernel.errors import Error
from ..printable import one_line
from ..report.collecting import Collector
from ..stopping import Stopped
from ..terminal import warn
from .plans import Facts, FilePlan, Plan, ShardPlan, StreamPlan, Work

AT_A_TIME = 100


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
    return _merged(_in_turn(report.outcomes, plan, world), world.gathered(stopped))


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


def _merged(outcomes: Outcomes, stops: Sequence[tuple[str, int] | None]) -> Report:
    """What processes that took jobs in turn report, as one; of what stopped them in words, and the signal."""
    for message, signum in filter(None, stops):
        told = f"stopped: {len(outcomes)} files restored; {message.rpartition('; ')[2]}"
        return Report(outcomes, Stopped(told, signum))
    return Report(outcomes)


def _in_turn(own: Outcomes, plan: Plan, world: World) -> Outcomes:
    """In the first process what all have, in the order of the work; some jobs of each process at a time are sent."""
    found, rest = Outcomes(), _by_job(own, {str(job.source) for job in plan.jobs})
    for _ in range(0, len(plan.jobs), AT_A_TIME * world.size):
        for turn in zip_longest(*world.gathered(list(islice(rest, AT_A_TIME)))):
            for outcome in chain.from_iterable(filter(None, turn)):
                found.append(outcome)
    return found


def _by_job(outcomes: Iterable[Outcome], sources: Set[str]) -> Iterator[list[Outcome]]:
    """The outcomes of each file or shard: those of its pictures, and behind them its own."""
    group: list[Outcome] = []
    for outcome in outcomes:
        group.append(outcome)
        if outcome.input in sources:
            yield group
            group = []
    if group:  # of a shard at which a signal came
        yield group
