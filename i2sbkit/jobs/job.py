"""Which file becomes which: inputs found, outputs named, nothing overwritten by accident."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..images import FORMATS
from ..kernel.errors import Error
from ..pictures.finding import find_pictures, is_picture_name
from ..printable import one_line

Policy = Literal["refuse", "skip", "overwrite", "in place"]
"""What to do where an output exists; in place, every output replaces its own input."""


OTHER_PICTURES = (".gif", ".heic", ".heif", ".jxl", ".jp2", ".svg", ".pdf", ".psd", ".dng", ".jfif")
"""Endings of what is no folder either, in all likelihood."""


@dataclass(frozen=True)
class Job:
    """One input file and the output it becomes."""

    source: Path
    target: Path


def find_jobs(inputs: Iterable[Path], out: Path, suffix: str | None = None) -> list[Job]:
    """The pictures in files, nested folders and patterns ('photos/**/*.jpg'), each with its place under `out`.

    Paths are kept below a folder, and below what comes before the first sign of a pattern. A picture given twice
    counts once; what is in `out` is no input.

    Args:
        out: a folder; or a file, where the only input is a file and `out` ends like a picture.
        suffix: of the outputs; None keeps each input's.

    Raises:
        Error: an input is missing or holds no picture, `out` is an input, or a file where a folder is needed.
    """
    inputs = list(inputs)
    if is_picture_name(out) and not out.is_dir():
        return [_single(inputs, out, suffix)]
    if out.exists() and not out.is_dir():
        raise Error(
            f"{one_line(out)}: a file; give a folder as OUT, or for one picture a file that ends in {' '.join(FORMATS)}"
        )
    if out.suffix.lower() in OTHER_PICTURES and not out.exists():
        raise Error(
            f"{one_line(out)}: cannot be written; give a name that ends in {' '.join(FORMATS)}, or a folder as OUT"
        )
    refuse_into(inputs, out)
    jobs: dict[tuple[str, Path], Job] = {}
    for given in inputs:
        for source, place in find_pictures(given, without=out):
            job = Job(source, out / (place.with_suffix(suffix) if suffix else place))
            jobs.setdefault((os.path.realpath(source), job.target), job)
    return list(jobs.values())


def refuse_into(inputs: Iterable[Path], out: Path) -> None:
    """See that outputs do not come to lie among the inputs.

    A folder below an input is fine: what is in it is no input.

    Raises:
        Error: `out` is a folder that is an input.
    """
    for given in inputs:
        if given.is_dir() and os.path.realpath(out) == os.path.realpath(given):
            raise Error(
                f"{one_line(out)}: is an input; give another OUT "
                "(`i2sbkit restore IN --in-place` restores what is there in its place)"
            )


def in_place_jobs(inputs: Iterable[Path]) -> list[Job]:
    """The pictures in files, nested folders and patterns, each to be replaced; of a link the file that it leads to.

    Raises:
        Error: an input is missing or holds no picture.
    """
    sources = [source for given in inputs for source, _ in find_pictures(given)]
    jobs: dict[str, Job] = {}
    for source in sources:
        jobs.setdefault(os.path.realpath(source), Job(source, _real(source)))
    return list(jobs.values())


def _real(source: Path) -> Path:
    return Path(os.path.realpath(source)) if source.is_symlink() else source


def _single(inputs: list[Path], out: Path, suffix: str | None) -> Job:
    """One file into one file."""
    sources = [source for given in inputs for source, _ in find_pictures(given)]
    if len(sources) > 1 or inputs[0].is_dir():
        raise Error(f"{one_line(out)}: one file cannot hold several pictures; give a folder as OUT")
    check_suffix(out, suffix)
    return Job(sources[0], out)


def check_suffix(out: Path, suffix: str | None) -> None:
    """See that a file of this name can hold what ends in `suffix`.

    Raises:
        Error: it is of another format.
    """
    if suffix and FORMATS[suffix] != FORMATS[out.suffix.lower()]:
        fitting = one_line(out.with_suffix(suffix))
        raise Error(f"{one_line(out)}: a {suffix} file comes out; give {fitting} or a folder as OUT")


def settle_existing(
    jobs: list[Job],
    policy: Policy,
    targets: Callable[[Job], list[Path]] = lambda job: [job.target],
) -> list[Job]:
    """The jobs to do, given what exists already; `targets` says which files a job writes.

    To skip is to pass over the jobs whose outputs are all there.

    Raises:
        Error: two jobs would write one file, an output would replace an input, it exists and the policy is to refuse,
            or its folder cannot be written to.
    """
    _refuse_collisions(jobs, targets, in_place=policy == "in place")
    existing: list[Path] = []
    wanted = []
    for job in jobs:
        there = [target for target in targets(job) if os.path.lexists(target)]
        existing += there
        if not (policy == "skip" and len(there) == len(targets(job))):
            wanted.append(job)
    if policy == "refuse" and existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise Error(f"{one_line(existing[0])}{more}: exists already; --overwrite replaces, --skip-existing leaves it")
    for folder in {job.target.parent: None for job in wanted}:
        check_writable(folder)
    return wanted


def _refuse_collisions(jobs: list[Job], targets: Callable[[Job], list[Path]], in_place: bool) -> None:
    """Every file is written by one job, and none of them is read by any, unless it is to be replaced."""
    sources = set() if in_place else {os.path.realpath(job.source) for job in jobs}
    claimed: dict[Path, Job] = {}
    for job in jobs:
        for target in targets(job):
            name = one_line(target)
            if os.path.realpath(target) in sources:
                raise Error(f"{name}: the output would replace an input; give another OUT")
            if target.is_dir():
                raise Error(f"{name}: a folder is where the output should go; give another OUT")
            other = claimed.setdefault(target, job)
            if other != job:
                both = f"{one_line(other.source)} and {one_line(job.source)}"
                raise Error(f"{both} would both become {name}; give each an OUT of its own")


def check_writable(folder: Path) -> None:
    """See that files can be put into a folder, which need not be there yet.

    Raises:
        Error: what is in the way.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise Error(f"{one_line(there)}: a file, so there can be no folder {one_line(folder)}; give another OUT")
    if not os.access(there, os.W_OK | os.X_OK):
        raise Error(f"{one_line(there)}: may not be written to; give another OUT")
