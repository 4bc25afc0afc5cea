"""Which shards become which."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from ..jobs.job import Job, refuse_into
from ..kernel.errors import Error
from ..pictures.finding import is_picture_name, pictures_under
from ..printable import one_line
from ..sources.shards import expand


def are_shards(given: Path, out: Path | None = None) -> bool:
    """Whether an input is a shard, a pattern of them, or a folder that holds shards and no pictures but in `out`."""
    if given.is_dir():
        return any(given.glob("*.tar")) and not pictures_under(given, out)
    return given.suffix == ".tar"


def all_shards(inputs: Sequence[Path], out: Path | None = None) -> bool:
    """Whether what is given are shards, rather than pictures; of a folder that holds both, with a warning, pictures.

    Args:
        out: what is in it does not count.

    Raises:
        Error: both are given.
    """
    shards = [given for given in inputs if are_shards(given, out)]
    if shards and len(shards) < len(inputs):
        raise Error(f"{one_line(shards[0])} is a shard and others are not; give shards and pictures apart")
    for given in () if shards else inputs:
        if given.is_dir() and (passed := next(iter(sorted(given.glob("*.tar"))), None)):
            warnings.warn(
                f"{one_line(passed)}: passed over, as there are pictures beside it; give shards apart", stacklevel=2
            )
    return bool(shards)


def find_shard_jobs(inputs: Sequence[Path], out: Path) -> list[Job]:
    """The shards that paths, brace patterns, globs and folders stand for, each with its place in the folder `out`.

    Raises:
        Error: there is no such shard, or `out` cannot be a folder, or is in an input.
    """
    if (out.exists() and not out.is_dir()) or out.suffix == ".tar" or is_picture_name(out):
        raise Error(f"{one_line(out)}: shards become shards of the same names; give a folder as OUT")
    refuse_into(inputs, out)
    return list({shard.resolve(): Job(shard, out / shard.name) for shard in expand(inputs)}.values())
