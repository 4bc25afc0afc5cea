"""A picture from stdin, a picture to stdout."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..images import FORMATS
from ..jobs.job import Job
from ..jobs.running import Made, Noted, Report, run_jobs, silent
from ..jobs.spooling import spooled
from ..kernel.errors import Error
from ..pictures.files import format_of

STREAM = Path("-")
"""As an input stdin, as an output stdout."""


@dataclass(frozen=True)
class StreamJob:
    """One picture that comes from stdin, goes to stdout, or both.

    Attributes:
        suffix: of what goes to stdout; None keeps the format of the input.

    Raises:
        Error: the stream is a terminal, or closed.
    """

    source: Path
    target: Path
    suffix: str | None = None

    def __post_init__(self) -> None:
        if self.source == STREAM:
            _check(sys.stdin, "stdin", "pipe a picture into it, as `... < photo.jpg`")
        if self.target == STREAM:
            _check(sys.stdout, "stdout", "send the picture elsewhere, as `... > restored.png`")

    def run(self, work: Callable[[Job], Made], noted: Noted = silent) -> Report:
        """Restore it; to stdout goes a whole picture or nothing."""
        return run_jobs(
            [Job(Path("stdin") if self.source == STREAM else self.source, self.target)],
            lambda job: self._with_input(lambda source: self._with_output(source, work)),
            "restored",
            noted,
        )

    def _with_input(self, work: Callable[[Path], Made]) -> Made:
        if self.source != STREAM:
            return work(self.source)
        with spooled(sys.stdin.buffer.read(), Path("stdin")) as source:
            return work(source)

    def _with_output(self, source: Path, work: Callable[[Job], Made]) -> Made:
        if self.target != STREAM:
            return work(Job(source, self.target))
        with tempfile.TemporaryDirectory(prefix="i2sbkit-") as folder:
            suffix = self.suffix or (format_suffix(source) if self.source == STREAM else source.suffix)
            made = work(Job(source, Path(folder, f"stdout{suffix}")))
            sys.stdout.buffer.write(made.files[0].read_bytes())
            sys.stdout.buffer.flush()
        return Made(made.files, made.pixels, [str(STREAM)])


def _check(stream: TextIO | None, name: str, advice: str) -> None:
    """Python has None for a stream that its caller closed."""
    if stream is None:
        raise Error(f"{name} is closed: {advice}")
    if on_terminal(stream):
        raise Error(f"{name} is a terminal: {advice}")


def on_terminal(stream: TextIO) -> bool:
    """Whether a person is at its other end."""
    return stream.isatty()


def format_suffix(path: Path) -> str:
    """The suffix of the format that a file has by its content.

    Raises:
        Error: none that is written here.
    """
    kind = format_of(path)
    return next(suffix for suffix, written in FORMATS.items() if written == kind)
