"""What is told on stderr while work goes on: warnings, and a progress bar."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


def warn(message: str) -> None:
    """Say on stderr, at once, what the user should know."""
    Console(stderr=True).print(f"warning: {message}", highlight=False, markup=False, soft_wrap=True)


class Bar:
    """Progress on stderr: a live bar on a terminal; elsewhere a plain line every `every` seconds, or none."""

    def __init__(self, total: int, done: int, unit: str, every: float | None = 30.0) -> None:
        self._console = Console(stderr=True)
        self.live = self._console.is_terminal and sys.stderr.isatty()  # rich counts FORCE_COLOR as a terminal
        self._every, self._total, self._unit = every, total, unit
        self._began = self._spoke = time.monotonic()
        self._already = done / total if total else 0.0
        fields = [TextColumn(f"{{task.fields[{name}]}}") for name in ("count", "left", "note")]
        columns = (TextColumn("{task.description}"), BarColumn(), *fields)
        self._progress = Progress(*columns, console=self._console, disable=not self.live)
        self._task = self._progress.add_task(unit, total=1.0, count=f"{done}/{total}", left="", note="")
        self._progress.update(self._task, completed=self._already)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, done: int, note: str, share: float | None = None) -> None:
        """Where we are, and what is worth saying of it.

        Args:
            share: how much of the work that is, where its parts differ in size.
        """
        share = (done / self._total if self._total else 1.0) if share is None else share
        left = time_left(time.monotonic() - self._began, share - self._already, 1 - share)
        self._progress.update(self._task, completed=share, count=f"{done}/{self._total}", left=left, note=note)
        if not self.live and self._every is not None and time.monotonic() - self._spoke >= self._every:
            self._spoke = time.monotonic()
            self.say(f"{self._unit} {done}/{self._total}  {note}")

    def say(self, message: str) -> None:
        """A line above the bar."""
        self._console.print(message, highlight=False, markup=False, soft_wrap=True)


def time_left(seconds: float, done: float, left: float) -> str:
    """How long `left` takes, if `done` took so many seconds: "0:01:30 left"; nothing is said where nothing is done."""
    return f"{timedelta(seconds=round(seconds * left / done))} left" if done > 0 else ""
