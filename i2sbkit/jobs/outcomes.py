"""What became of jobs: kept on disk beyond some thousands, so that memory does not grow with their number."""

from __future__ import annotations

import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

IN_MEMORY = 1_000_000
"""Bytes; about five thousand outcomes."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `error` is None where it went well, and `outputs` empty where not.

    Attributes:
        elsewhere: no file lies where the outputs say: they are in a shard, or went to stdout.
    """

    input: str
    outputs: Sequence[str]
    seconds: float
    megapixels: float
    error: str | None = None
    elsewhere: bool = False

    @property
    def status(self) -> str:
        """ "done" or "failed"."""
        return "failed" if self.error else "done"

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with its `status`."""
        told = asdict(self)
        del told["elsewhere"]
        return {**told, "status": self.status}


class Outcomes:
    """Outcomes in order: appended, counted, and gone through as often as wanted.

    Attributes:
        failed: how many have an error.
    """

    def __init__(self, outcomes: Iterable[Outcome] = ()) -> None:
        self._lines = tempfile.SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8")  # noqa: SIM115 - closed below
        weakref.finalize(self, self._lines.close)
        self._count = self.failed = 0
        for outcome in outcomes:
            self.append(outcome)

    def append(self, outcome: Outcome) -> None:
        """Add one at the end."""
        self._lines.seek(0, 2)
        self._lines.write(json.dumps(asdict(outcome)) + "\n")
        self._count += 1
        self.failed += outcome.error is not None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Outcome]:
        place = 0
        for _ in range(self._count):
            self._lines.seek(place)
            line = self._lines.readline()
            place = self._lines.tell()
            yield Outcome(**json.loads(line))

    @property
    def written(self) -> Iterator[str]:
        """The files that were written, in order."""
        return (output for outcome in self if not outcome.elsewhere for output in outcome.outputs)
