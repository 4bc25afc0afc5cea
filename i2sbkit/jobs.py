"""Which file becomes which: inputs found, outputs named, nothing overwritten by accident."""

from __future__ import annotations

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

    Args:
        out: a folder; or a file, where the only input is a file and `out` ends like a picture.
        suffix: of the outputs; None keeps each input's.

    Raises:
        Error: an input is missing or holds no picture, or two inputs would become one output.
    """
    inputs = list(inputs)
    if len(inputs) == 1 and inputs[0].is_file() and out.suffix.lower() in FORMATS and not out.is_dir():
        return [Job(inputs[0], out)]
    jobs = []
    for given in inputs:
        for source in pictures_in(given):
            place = source.relative_to(given) if given.is_dir() else Path(source.name)
            jobs.append(Job(source, out / (place.with_suffix(suffix) if suffix else place)))
    claimed: dict[Path, Path] = {}
    for job in jobs:
        other = claimed.setdefault(job.target, job.source)
        if other != job.source:
            raise Error(f"{other} and {job.source} would both become {job.target}; restore them into different folders")
    return jobs


def pictures_in(path: Path) -> list[Path]:
    """A file itself, or the pictures in a folder and the folders below it, sorted; hidden ones are passed over.

    Raises:
        Error: there is no such file or folder, or no picture in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise Error(f"{path}: no such file or folder")
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in FORMATS
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
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

    Raises:
        Error: an output would replace an input, or exists and the policy is to refuse.
    """
    sources = {job.source.resolve() for job in jobs}
    existing: list[Path] = []
    wanted = []
    for job in jobs:
        there = [target for target in targets(job) if target.exists()]
        for target in there:
            if target.resolve() in sources:
                raise Error(f"{target}: the output would replace an input; give another OUT")
        existing += there
        if not (policy == "skip" and len(there) == len(targets(job))):
            wanted.append(job)
    if policy == "refuse" and existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise Error(f"{existing[0]}{more}: exists already; --overwrite replaces, --skip-existing leaves it")
    return wanted
