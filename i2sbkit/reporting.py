"""Where training reports to: a log of JSON lines, loggers that plugins bring, and a progress bar."""

from __future__ import annotations

import json
import math
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from torch import Tensor

from .files import append_text, write_text


class Logger(ABC):
    """A place that training reports to; its factory is called with the run folder."""

    @abstractmethod
    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Numbers measured at a step."""

    def picture(self, step: int, name: str, image: Tensor) -> None:
        """A picture (3, H, W) in [-1, 1] made at a step; ignored unless overridden."""
        return

    def close(self) -> None:
        """Training is over, for whatever reason."""
        return


class JsonLines(Logger):
    """`log.jsonl`: one JSON object a report, appended; lines beyond the step that a run resumes from are dropped.

    What is no finite number (the PSNR of equal pictures) is written as null, for JSON has no infinity.
    """

    def __init__(self, run: Path, resume_from: int = 0) -> None:
        self._path = run / "log.jsonl"
        if self._path.exists():
            lines = [line for line in self._path.read_text("utf-8").splitlines() if _step_of(line) <= resume_from]
            write_text(self._path, "".join(line + "\n" for line in lines))

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        numbers = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        line = json.dumps({"step": step, "time": round(time.time(), 3), **numbers})
        append_text(self._path, line + "\n")


def _step_of(line: str) -> float:
    """The step of a log line; a half-written one counts as the future."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


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


class Loggers:
    """Several loggers as one."""

    def __init__(self, loggers: list[Logger]) -> None:
        self._loggers = loggers

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Report numbers to all."""
        for logger in self._loggers:
            logger.log(step, metrics)

    def picture(self, step: int, name: str, image: Tensor) -> None:
        """Report a picture to all."""
        for logger in self._loggers:
            logger.picture(step, name, image)

    def close(self) -> None:
        """Close all."""
        for logger in self._loggers:
            logger.close()
