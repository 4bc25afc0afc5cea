"""What is seen to before the first picture is restored: that the page may be written, and what is measured against."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..comparing import by_stem
from ..jobs.job import Job, check_writable
from ..kernel.errors import Error
from ..printable import one_line

SUFFIXES = (".html", ".htm")


@dataclass(frozen=True)
class ReportPlan:
    """A report to be made.

    Attributes:
        page: the HTML file.
        references: the clean picture of each target; empty where nothing is measured.
    """

    page: Path
    references: Mapping[Path, Path] = field(default_factory=dict)


def plan_report(
    page: Path | None, references: Path | None, *, jobs: Sequence[Job], out: Path | None, overwrite: bool
) -> ReportPlan | None:
    """What the user asks for; None where that is no report.

    Args:
        references: a folder of clean pictures, or one for one job.
        out: the folder that the jobs write to, or their only file; None where they replace their inputs.

    Raises:
        Error: references without a report or an OUT; or see `check_page` and `match_references`.
    """
    if page is None:
        if references is not None:
            raise Error("--references is what a report measures against; add --report FILE.html")
        return None
    check_page(page, overwrite)
    if references is None:
        return ReportPlan(page)
    if out is None:
        raise Error("--references are matched by their places below OUT; give a folder or a file as OUT")
    return ReportPlan(page, match_references(jobs, out, references))


def check_page(path: Path, overwrite: bool) -> None:
    """See that a page may be written to `path`.

    Raises:
        Error: it is not named like a page, exists and is not to be overwritten, or its folder cannot be written to.
    """
    name = one_line(path)
    if path.suffix.lower() not in SUFFIXES:
        raise Error(f"{name}: a report is an HTML page; give it a name that ends in .html")
    if path.is_dir():
        raise Error(f"{name}: a folder; give the report another name")
    if os.path.lexists(path) and not overwrite:
        raise Error(f"{name}: exists already; --overwrite replaces it, or give the report another name")
    check_writable(path.parent)


def match_references(jobs: Sequence[Job], out: Path, references: Path) -> dict[Path, Path]:
    """The reference of each job's target: of the same path below `out` and stem, as `compare` matches them.

    Raises:
        Error: a job without a reference, no such folder, or two references of one stem.
    """
    found = by_stem(references)
    if references.is_file():
        if len(jobs) > 1:
            raise Error(f"{one_line(references)}: one reference for {len(jobs)} pictures; give a folder of references")
        return {job.target: references for job in jobs}
    names = {job: _name(job, out) for job in jobs}
    missing = [job for job in jobs if names[job] not in found]
    if missing:
        first = f"{one_line(references)}: no reference for {one_line(missing[0].source)}"
        raise Error(f"{first} ({len(missing)} of {len(jobs)} are missing)")
    return {job.target: found[name] for job, name in names.items()}


def _name(job: Job, out: Path) -> str:
    place = job.target.relative_to(out) if job.target != out else Path(out.name)
    return place.with_suffix("").as_posix()
