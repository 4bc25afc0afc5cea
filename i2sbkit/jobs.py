"""Which file becomes which: inputs found, outputs named, nothing overwritten by accident."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .images import FORMATS
from .kernel.errors import Error

Policy = Literal["refuse", "skip", "overwrite"]
"""What to do where an output exists."""


@dataclass(frozen=True)
class Job:
    """One input file and the output it becomes."""

    source: Path
    target: Path


def find_jobs(inputs: Iterable[Path], out: Path, suffix: str | None = None) -> list[Job]:
    """The pictures in files and nested folders, each with its place under `out`; paths below a folder are kept.

    A picture given twice counts once; where `out` lies in an input folder, what is in `out` is no input.

    Args:
        out: a folder; or a file, where the only input is a file and `out` ends like a picture.
        suffix: of the outputs; None keeps each input's.

    Raises:
        Error: an input is missing or holds no picture, or `out` is a file where a folder is needed.
    """
    inputs = list(inputs)
    if out.suffix.lower() in FORMATS and not out.is_dir():
        return [_single(inputs, out, suffix)]
    if out.exists() and not out.is_dir():
        raise Error(f"{out}: a file; give a folder as OUT, or for one picture a file that ends in {' '.join(FORMATS)}")
    jobs: dict[tuple[Path, Path], Job] = {}
    for given in inputs:
        for source in pictures_in(given, without=out):
            place = source.relative_to(given) if given.is_dir() else Path(source.name)
            job = Job(source, out / (place.with_suffix(suffix) if suffix else place))
            jobs.setdefault((source.resolve(), job.target), job)
    return list(jobs.values())


def _single(inputs: list[Path], out: Path, suffix: str | None) -> Job:
    """One file into one file."""
    if len(inputs) > 1 or inputs[0].is_dir():
        raise Error(f"{out}: one file cannot hold several pictures; give a folder as OUT")
    if not inputs[0].is_file():
        raise Error(f"{inputs[0]}: no such file or folder")
    if suffix and FORMATS[suffix] != FORMATS[out.suffix.lower()]:
        raise Error(f"{out}: a {suffix} file comes out; give {out.with_suffix(suffix)} or a folder as OUT")
    return Job(inputs[0], out)


def pictures_in(path: Path, without: Path | None = None) -> list[Path]:
    """A file itself, or the pictures in a folder and the folders below it, sorted.

    Hidden ones and those behind links to folders are passed over.

    Args:
        without: a folder whose pictures do not count, where it lies below `path`.

    Raises:
        Error: there is no such file or folder, or no picture in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise Error(f"{path}: no such file or folder")
    inner = None
    if without and path.resolve() in without.resolve().parents:
        inner = without.resolve().relative_to(path.resolve())
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in FORMATS
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and not (inner and file.relative_to(path).is_relative_to(inner))
    )
    if not found:
        raise Error(f"{path}: no pictures in it (looked for {' '.join(FORMATS)})")
    return found


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
    _refuse_collisions(jobs, targets)
    existing: list[Path] = []
    wanted = []
    for job in jobs:
        there = [target for target in targets(job) if os.path.lexists(target)]
        existing += there
        if not (policy == "skip" and len(there) == len(targets(job))):
            wanted.append(job)
    if policy == "refuse" and existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise Error(f"{existing[0]}{more}: exists already; --overwrite replaces, --skip-existing leaves it")
    for folder in {job.target.parent: None for job in wanted}:
        _check_writable(folder)
    return wanted


def _refuse_collisions(jobs: list[Job], targets: Callable[[Job], list[Path]]) -> None:
    """Every file is written by one job, and none of them is read by any."""
    sources = {job.source.resolve() for job in jobs}
    claimed: dict[Path, Job] = {}
    for job in jobs:
        for target in targets(job):
            if target.resolve() in sources:
                raise Error(f"{target}: the output would replace an input; give another OUT")
            if target.is_dir():
                raise Error(f"{target}: a folder is where the output should go; give another OUT")
            other = claimed.setdefault(target, job)
            if other != job:
                raise Error(f"{other.source} and {job.source} would both become {target}; give each an OUT of its own")


def _check_writable(folder: Path) -> None:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise Error(f"{there}: a file, so there can be no folder {folder}; give another OUT")
    if not os.access(there, os.W_OK | os.X_OK):
        raise Error(f"{there}: may not be written to; give another OUT")
