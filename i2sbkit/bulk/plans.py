"""What a command line of `i2sbkit restore` asks for: files to files, shards to shards, or a stream."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ..distributed import World
from ..jobs.job import Job, Policy, check_suffix, find_jobs, in_place_jobs, settle_existing
from ..jobs.manifest import Manifest, sha256_of
from ..jobs.outcomes import Outcome
from ..jobs.running import Made, Noted, Report, run_jobs, silent
from ..kernel.errors import Error
from ..pictures.finding import is_picture_name, pictures_in
from ..printable import one_line
from ..restoring import Restorer, options_of
from .files import Extras
from .shard_jobs import all_shards, are_shards, find_shard_jobs
from .shards import remove_leftovers, run_shards
from .streams import STREAM, StreamJob

Work = Callable[[Job], Made]
"""Restores one file."""


@dataclass(frozen=True)
class Facts:
    """What is true of a whole run.

    Attributes:
        weights: as the user named them.
        told: what the user says of the damage, by the options' names; what was left out is not there.
        encoding: how pictures are written, the arguments of `pictures.files.Encoding`.
        world: the processes that share it.
    """

    restorer: Restorer
    weights: str
    told: Mapping[str, Any] = field(default_factory=dict)
    encoding: Mapping[str, Any] = field(default_factory=dict)
    world: World = World()  # noqa: RUF009 - a value

    @cached_property
    def known(self) -> Mapping[str, Any]:
        """For a manifest: all that makes the picture, but for what does not apply."""
        settings, sampler = self.restorer.settings, self.restorer.sampler
        consistency, force = settings.pull("kernel" in self.told), settings.force or None
        asked = {"consistency": consistency, "tile": settings.tile, "force": force, **self.told}
        return {
            "seed": settings.seed,
            "nfe": sampler.nfe,
            "sampler": self.restorer.sampler_name,
            "sampler_options": options_of(sampler),
            "precision": settings.precision,
            **{name: value for name, value in asked.items() if value is not None},
            "weights": self.weights,
            "weights_sha256": sha256_of(self.restorer.weights.path),
        }

    @cached_property
    def mark(self) -> str:
        """What differs as soon as a restored picture may."""
        return repr((self.known, self.restorer.sampler, self.restorer.settings, sorted(self.encoding.items())))


class Plan(Protocol):
    """Work that is found possible and can be begun."""

    @property
    def jobs(self) -> Sequence[Job]:
        """What is to be done."""

    def run(self, work: Work, facts: Facts, noted: Noted = silent) -> Report:
        """Do this process's share of it; `noted` is told of each job."""


def make_plan(inputs: Sequence[Path], out: Path | None, policy: Policy, extras: Extras, suffix: str | None) -> Plan:
    """See what is to be done, before anything is.

    Args:
        out: None where the policy is to restore in place.
        suffix: of restored pictures; None keeps each input's.

    Raises:
        Error: inputs and output do not fit each other, or the policy.
    """
    shards = all_shards(inputs, out)
    if out is None:
        return _in_place(inputs, shards, policy, extras, suffix)
    if STREAM in (*inputs, out):
        return _stream(inputs, out, policy, extras, suffix)
    if shards:
        if extras != Extras():
            raise Error("a shard takes one picture a sample; leave out --samples, --spread and --trajectory")
        jobs = find_shard_jobs(inputs, out)
        return ShardPlan(settle_existing(jobs, policy), jobs, out, suffix)
    jobs = find_jobs(inputs, out, suffix)
    folder = None if jobs[0].target == out else out
    return FilePlan(settle_existing(jobs, policy, extras.targets), jobs, extras, folder)


def _in_place(inputs: Sequence[Path], shards: bool, policy: Policy, extras: Extras, suffix: str | None) -> FilePlan:
    if shards or STREAM in inputs:
        raise Error("--in-place replaces pictures in files; give an OUT")
    if extras != Extras() or suffix:
        raise Error(
            "--in-place: one picture takes the place of another; leave out --samples, --trajectory and --format"
        )
    jobs = in_place_jobs(inputs)
    return FilePlan(settle_existing(jobs, policy), jobs, extras, in_place=True)


def _stream(inputs: Sequence[Path], out: Path, policy: Policy, extras: Extras, suffix: str | None) -> Plan:
    source = inputs[0]
    if len(inputs) > 1 or source.is_dir() or are_shards(source):
        raise Error("- stands for one picture; give one picture with it")
    if source != STREAM:
        pictures_in(source)
    if out == STREAM:
        if extras != Extras():
            raise Error(
                "stdout takes one picture; leave out --samples, --spread and --trajectory, or give a file as OUT"
            )
        return StreamPlan(StreamJob(source, out, suffix))
    if not is_picture_name(out) or out.is_dir():
        raise Error(f"{one_line(out)}: stdin is one picture without a name; give a file such as restored.png as OUT")
    check_suffix(out, suffix)
    job = Job(source, out)
    wanted = settle_existing([job], policy, extras.targets)
    return StreamPlan(StreamJob(source, out)) if wanted else FilePlan([], [job], extras)


@dataclass(frozen=True)
class FilePlan:
    """Pictures in files.

    Attributes:
        jobs: to do.
        found: all, those whose outputs are there already too.
        folder: of the manifest; None where there is none.
        in_place: outputs replace their inputs.
    """

    jobs: Sequence[Job]
    found: Sequence[Job]
    extras: Extras
    folder: Path | None = None
    in_place: bool = False

    def run(self, work: Work, facts: Facts, noted: Noted = silent) -> Report:
        """See `Plan`."""
        resume = "--skip-existing goes on" if self.folder else "the others are as they were"
        work = _of_one_frame(work) if self.in_place else work
        return run_jobs(
            facts.world.share(self.jobs), work, "restored", _noting(self, self.extras, facts, noted), resume
        )


def _of_one_frame(work: Work) -> Work:
    """The same, but what the reader warns of, that it leaves out further frames, is an error: they would be lost."""

    def refusing(job: Job) -> Made:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"(?s).*: several frames or pages;", UserWarning)
            try:
                return work(job)
            except UserWarning:
                told = (
                    "several frames or pages, of which only the first would be left; give an OUT instead of --in-place"
                )
                raise Error(f"{job.source}: {told}") from None

    return refusing


@dataclass(frozen=True)
class ShardPlan:
    """Pictures in shards; attributes as those of `FilePlan`."""

    jobs: Sequence[Job]
    found: Sequence[Job]
    folder: Path
    suffix: str | None

    def run(self, work: Work, facts: Facts, noted: Noted = silent) -> Report:
        """See `Plan`."""
        noted, jobs = _noting(self, Extras(), facts, noted), facts.world.share(self.jobs)
        if facts.world.first:
            remove_leftovers(_skipped(self))
        return run_shards(jobs, work, self.suffix, facts.mark, "restored", noted)


@dataclass(frozen=True)
class StreamPlan:
    """One picture from stdin, to stdout or both."""

    stream: StreamJob

    @property
    def jobs(self) -> Sequence[Job]:
        """See `Plan`."""
        return [Job(self.stream.source, self.stream.target)]

    def run(self, work: Work, facts: Facts, noted: Noted = silent) -> Report:
        """See `Plan`."""
        return self.stream.run(work, noted)


def _noting(plan: FilePlan | ShardPlan, extras: Extras, facts: Facts, noted: Noted) -> Noted:
    """Tells `noted`, and keeps the manifest where there is a folder for it; what is skipped stands in it at once."""
    if plan.folder is None:
        return noted
    world = facts.world
    manifest = Manifest(plan.folder, facts.known, world.rank if world.size > 1 else None)
    for job in _skipped(plan) if world.first else []:
        manifest.skip(job, extras.targets(job))

    def both(outcome: Outcome, made: Made) -> None:
        manifest.add(outcome, made)
        noted(outcome, made)

    return both


def _skipped(plan: FilePlan | ShardPlan) -> list[Job]:
    wanted = set(plan.jobs)
    return [job for job in plan.found if job not in wanted]
