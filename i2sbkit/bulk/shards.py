"""Shards in, shards out: the picture of each sample restored or damaged, everything else copied byte for byte.

New pictures are gathered in a hidden folder beside the new shard, each whole; when the last is there the shard is
written and takes its place. So a run that was killed goes on behind the last picture, and a shard is whole or not
there.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from glob import escape
from pathlib import Path

from ..files import atomic
from ..jobs.job import Job
from ..jobs.running import Made, Noted, Report, run_jobs, silent
from ..jobs.spooling import spooled
from ..kernel.errors import Error
from ..printable import one_line
from ..sources.shards import Sample
from ..sources.tars import Part, index_path, split_name, walk_members

Work = Callable[[Job], Made]
Step = Callable[[], Made]
NO_PLACE = "a link, a device or a name that leads outside"
"""What no shard should hold."""


def run_shards(
    jobs: Sequence[Job], work: Work, suffix: str | None, settings: str, verb: str, noted: Noted = silent
) -> Report:
    """Make each shard anew; a picture that fails is reported, and its sample left out of the new shard.

    Args:
        work: makes one picture.
        suffix: of the new pictures; None keeps each picture's.
        settings: whatever the new pictures depend on: only work of the same settings is gone on with.
        verb: what is done to the pictures, as "restored".
    """
    steps: dict[Job, Step] = {}

    def one_by_one() -> Iterator[Job]:
        """What is to be done, of one shard at a time: of many there is more than memory holds."""
        for job in jobs:
            steps.clear()
            steps.update(_steps(job, work, suffix, settings, verb))
            yield from list(steps)

    count = sum(len(_steps(job, work, suffix, settings, verb)) for job in jobs)
    return run_jobs(one_by_one(), lambda job: steps[job](), verb, noted, count=count)


def _steps(job: Job, work: Work, suffix: str | None, settings: str, verb: str) -> Mapping[Job, Step]:
    """What a shard takes: for one that cannot be read, a step that fails."""
    try:
        return _Shard(job, work, suffix, settings, verb).steps()
    except (Error, OSError) as error:
        return {job: partial(_fail, error)}


def remove_leftovers(jobs: Iterable[Job]) -> None:
    """Remove what a process left beside shards that are written, which was killed before it could do so."""
    for job in jobs:
        for stale in _set_aside(job):
            shutil.rmtree(stale)


def _set_aside(job: Job) -> Iterator[Path]:
    return job.target.parent.glob(f".{escape(job.target.name)}.*.partial")


def _fail(error: Exception) -> Made:
    raise error


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in a shard, and the name it gets in the new one."""

    name: str
    key: str
    extension: str
    part: Part


class _Shard:
    """A shard on its way to a new one."""

    def __init__(self, job: Job, work: Work, suffix: str | None, settings: str, verb: str) -> None:
        stat = job.source.stat()
        mark = hashlib.sha256(repr((settings, suffix, stat.st_size, stat.st_mtime_ns)).encode()).hexdigest()[:12]
        self.job, self.work, self.suffix, self.verb = job, work, suffix, verb
        self.aside = job.target.with_name(f".{job.target.name}.{mark}.partial")
        self.members, self.left_out = _members(job.source)
        self.pictures = _pictures(self.members)
        self.failed: set[str] = set()
        self.unstored = False
        if not self.pictures:
            raise Error(f"{one_line(job.source)}: no pictures in it")
        name, times = Counter(self.new_name(member) for member in self.members).most_common(1)[0]
        if times > 1:
            raise Error(f"{one_line(job.source)}: {one_line(name)} would be in the new shard {times} times")

    def steps(self) -> dict[Job, Step]:
        """What is to be done: the pictures that are not there yet, then the shard."""
        for stale in _set_aside(self.job):
            if stale != self.aside:  # of other settings, or of a shard that has changed
                shutil.rmtree(stale)
        steps: dict[Job, Step] = {}
        for member in self.pictures.values():
            if not self.made(member).exists():
                steps[Job(self.place(member), self.made(member))] = partial(self.make, member)
        return {**steps, self.job: self.write}

    def place(self, member: _Member) -> Path:
        """What messages and reports call a file in the shard."""
        return Path(f"{self.job.source}/{member.name}")

    def new_name(self, member: _Member) -> str:
        """What a file is called in the new shard: another format is another extension."""
        is_picture = self.pictures.get(member.key) == member
        return f"{member.key}{self.suffix}" if is_picture and self.suffix else member.name

    def made(self, member: _Member) -> Path:
        """Where a new picture waits for the shard to be written."""
        return self.aside / f"{member.part.offset:012d}{self.suffix or f'.{member.extension}'}"

    def make(self, member: _Member) -> Made:
        """One picture."""
        try:
            if _leads_outside(member.name):
                raise Error(f"{self.place(member)}: a name that leads out of the folder it is unpacked in; left out")
            with spooled(member.part.read(), self.place(member)) as path:
                made = self.work(Job(path, self.made(member)))
        except Error:
            self.failed.add(member.key)
            raise
        except (OSError, MemoryError):
            self.unstored = True
            raise
        return Made(made.files, made.pixels, [f"{self.job.target}/{self.new_name(member)}"])

    def write(self) -> Made:
        """The new shard, from what was made and what is copied."""
        if self.unstored:
            raise Error(f"{self.job.target}: not written, as a picture could not be stored; --skip-existing goes on")
        if self.failed.issuperset(self.pictures):
            raise Error(f"{self.job.source}: no picture in it could be {self.verb}; {self.job.target} is not written")
        kept = [member for member in self.members if member.key not in self.failed]
        outside = [member.name for member in kept if _leads_outside(member.name)]
        for name in (*self.left_out, *outside):
            warnings.warn(f"{self.job.source}: {name}: {NO_PLACE}; left out", stacklevel=2)
        with (
            atomic(self.job.target, self.aside) as temporary,
            tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for member in kept:
                if not _leads_outside(member.name):
                    self.copy(member, tar)
        index_path(self.job.target).unlink(missing_ok=True)  # that of a shard which was there before
        shutil.rmtree(self.aside)
        return Made([self.job.target], 0)

    def copy(self, member: _Member, tar: tarfile.TarFile) -> None:
        """A file's bytes, or those of the new picture, with nothing that differs from run to run."""
        part = member.part
        if self.pictures.get(member.key) == member:
            made = self.made(member)
            part = Part(made, 0, made.stat().st_size)
        info = tarfile.TarInfo(self.new_name(member))
        info.size, info.mode = part.size, 0o444  # as webdataset's writer
        with part.path.open("rb") as file:
            file.seek(part.offset)
            tar.addfile(info, file)


def _members(shard: Path) -> tuple[list[_Member], list[str]]:
    """The files of a shard, of any kind, and the names of what is none: links, devices, files with holes."""
    files, others = [], []
    for member in walk_members(shard):
        if member.isreg() and not member.issparse():
            key, extension = split_name(member.name)
            files.append(_Member(member.name, key, extension, Part(shard, member.offset_data, member.size)))
        elif not member.isdir():
            others.append(member.name)
    return files, others


def _pictures(members: Iterable[_Member]) -> Mapping[str, _Member]:
    """The picture of each sample that has one, as `Sample.picture` chooses it."""
    samples: dict[str, dict[str, _Member]] = {}
    for member in members:
        if member.key:
            samples.setdefault(member.key, {})[member.extension] = member
    found: dict[str, _Member] = {}
    for key, parts in samples.items():
        picture = Sample(key, 0, {extension: member.part for extension, member in parts.items()}).picture
        if picture is not None:
            found[key] = next(member for member in parts.values() if member.part == picture)
    return found


def _leads_outside(name: str) -> bool:
    """Whether a file of this name would leave the folder that the shard is unpacked in."""
    return name.startswith("/") or ".." in name.split("/")
