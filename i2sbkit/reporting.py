"""Where training reports to: a log of JSON lines, and loggers that plugins bring."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
