"""`manifest.jsonl`: what became of each file of a folder, a JSON line as soon as it is over."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ..determinism import deterministic_now
from ..kernel.errors import Error
from ..printable import finite, one_line
from .job import Job
from .outcomes import Outcome
from .running import Made

NAME = "manifest.jsonl"
OF_RANK = ".manifest-{}.jsonl"
"""What each of several processes writes, for two must not append to one file; `take_in` puts it where it belongs."""
LONGEST_LINE = 1 << 16
"""Bytes that no line has more of: names are at most 4 kB, and a few of them are in one."""
BEGIN = b'{"input": '
"""How each of our lines begins."""


class Manifest:
    """The manifest of a folder; lines are appended to those of earlier runs.

    A line has `input`, `output` and `sha256` of the output (null where there is none), `more` (path -> sha256 of what
    was written beside it: further draws, the spread, the trajectory), `seconds` (null with `--deterministic`),
    `megapixels`, `status` ("done", "failed" or "skipped"), `error`, and what is true of the whole run.

    Args:
        folder: made where it is not there.
        facts: of the run: seed, nfe, sampler, weights and so on; what JSON has no word for is written as text.
        rank: of this process, where there are several.

    Raises:
        Error: the manifest is a link, which would lead the lines elsewhere.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], rank: int | None = None) -> None:
        name = NAME if rank is None else OF_RANK.format(rank)
        self._path, self._facts, self._given_up = folder / name, facts, False
        if self._path.is_symlink():
            raise Error(
                f"{one_line(self._path)}: is a link, and none is written through; remove it, or give another OUT"
            )

    def add(self, outcome: Outcome, made: Made) -> None:
        """Record what became of a job."""
        files = dict(zip(outcome.outputs, made.files, strict=True))
        self._record(outcome, outcome.status, lambda: {name: sha256_of(file) for name, file in files.items()})

    def skip(self, job: Job, outputs: Sequence[Path]) -> None:
        """Record that a job's outputs were there already; they are not read."""
        names = [str(output) for output in outputs]
        self._record(Outcome(str(job.source), names, 0.0, 0.0), "skipped", lambda: dict.fromkeys(names))

    def _record(self, outcome: Outcome, status: str, hashes: Callable[[], Mapping[str, str | None]]) -> None:
        """A line behind whole lines. Where it cannot be written, that is said once; the pictures matter more."""
        if self._given_up:
            return
        try:
            line = finite(self._line(outcome, status, hashes()))
            text = json.dumps(line, ensure_ascii=False, allow_nan=False, default=str) + "\n"
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab+") as file:
                _end_last_line(file)
                file.write(text.encode("utf-8", "backslashreplace"))  # a name that is no UTF-8 becomes a \u escape
        except OSError as error:
            self._given_up = True
            warnings.warn(f"{one_line(self._path)}: cannot be written ({error}); it is not kept up", stacklevel=2)

    def _line(self, outcome: Outcome, status: str, hashes: Mapping[str, str | None]) -> dict[str, Any]:
        output, *more = hashes or [None]
        return {
            "input": outcome.input,
            "output": output,
            "sha256": hashes[output] if output else None,
            "more": {name: hashes[name] for name in more if name},
            "seconds": None if deterministic_now() else outcome.seconds,
            "megapixels": outcome.megapixels,
            **self._facts,
            "status": status,
            "error": outcome.error,
        }


def take_in(folder: Path) -> None:
    """Move to the manifest what several processes recorded in files of their own, even in a run that was killed."""
    try:
        for own in sorted(folder.glob(OF_RANK.format("*"))):
            with own.open("rb") as lines, (folder / NAME).open("ab+") as file:
                _end_last_line(file)
                shutil.copyfileobj(lines, file)
            own.unlink()
    except OSError as error:
        warnings.warn(f"{one_line(folder / NAME)}: cannot be written ({error}); it is not kept up", stacklevel=2)


def _end_last_line(file: BinaryIO) -> None:
    """End the last line: what a killed run left half written is cut, anything else gets its line break."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - LONGEST_LINE))
    tail = file.read()
    begin = tail.rfind(b"\n") + 1
    if _is_half(tail[begin:]):
        file.truncate(start + begin)
    elif tail[begin:]:
        file.write(b"\n")


def _is_half(line: bytes) -> bool:
    """Whether it is the beginning of one of our lines and not the whole; whatever else is there is the user's."""
    if not line.startswith(BEGIN):
        return bool(line) and BEGIN.startswith(line)
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return True
    return False


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
