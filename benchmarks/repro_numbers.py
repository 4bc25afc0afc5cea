"""docs/repro.json: what has been measured, from which the page is written; it outlives the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from repro_trials import METHODS, NFES

from i2sbkit.files import write_text
from i2sbkit.kernel.errors import Error

METRICS = ("psnr_rgb", "percep_efflite0", "frechet_efflite0")


@dataclass(frozen=True)
class Found:
    """The means over all tiles at one nfe; nfe 0 is the damaged picture itself."""

    nfe: int
    psnr_rgb: float
    percep_efflite0: float
    frechet_efflite0: float


Rows = Mapping[int, Found]
"""By nfe."""


@dataclass(frozen=True)
class Seconds:
    """Of the processor for a tile.

    Attributes:
        machine: in words.
        each: by method and nfe.
    """

    machine: str
    each: Mapping[str, Mapping[int, float]]

    def fitting(self, nfe: int) -> int:
        """How many evaluations of the inverse method take no more seconds than I2SB's `nfe`, at least one."""
        one = self.each["ddnm"][NFES[-1]] / NFES[-1]
        return max(1, int(self.each["i2sb"][nfe] / one))

    def all_fitting(self) -> set[int]:
        """`fitting` of all nfe that are compared."""
        return {self.fitting(nfe) for nfe in NFES}


@dataclass(frozen=True)
class Result:
    """What the weights of a milestone give in one way.

    Attributes:
        weights: the sha256 of their file.
        tiles: how many were measured.
    """

    task: str
    method: str
    sampler: str
    step: int
    weights: str
    tiles: int
    rows: Rows = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Of which there is one."""
        return self.task, self.method, self.sampler, self.step

    def same(self, other: Result) -> bool:
        """Whether the other's rows belong with these."""
        return (self.key, self.weights, self.tiles) == (other.key, other.weights, other.tiles)


class Numbers:
    """The file; what is added is in it at once.

    Raises:
        Error: it holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            document = json.loads(path.read_text("utf-8")) if path.is_file() else {"results": [], "seconds": {}}
            found = [Result(**{**each, "rows": _by_nfe(each["rows"])}) for each in document["results"]]
            self._seconds = {task: _seconds(each) for task, each in document["seconds"].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Error(f"{path}: not the numbers of `repro.py measure`; remove it and measure again") from error
        self._results = {result.key: result for result in found}

    def milestones(self, task: str, method: str, sampler: str) -> list[Result]:
        """What there is of one way, the first step first."""
        found = [each for each in self._results.values() if each.key[:3] == (task, method, sampler)]
        return sorted(found, key=lambda each: each.step)

    def last(self, task: str, method: str) -> list[Result]:
        """Of the last step that there is of a method, by each sampler."""
        ways = [self.milestones(task, method, sampler) for sampler in METHODS[method]]
        return [results[-1] for results in ways if results and set(NFES) <= set(results[-1].rows)]

    def in_equal_seconds(self, task: str) -> Seconds | None:
        """The seconds, if the inverse method is measured at all nfe that fit into I2SB's."""
        seconds, inverse = self.seconds(task), self.last(task, "ddnm")
        there = seconds and inverse and all(seconds.all_fitting() <= set(each.rows) for each in inverse)
        return seconds if there else None

    def check(self, task: str) -> None:
        """See that the last results of a task can stand in one table.

        Raises:
            Error: they are of different steps or tiles.
        """
        found = {(each.step, each.tiles) for method in METHODS for each in self.last(task, method)}
        if len(found) > 1:
            said = " and ".join(f"{tiles} tiles after {step} steps" for step, tiles in sorted(found))
            raise Error(f"{self.path}: {task}: {said} do not go into one table; measure again")

    def missing(self, wanted: Result, nfes: tuple[int, ...]) -> tuple[int, ...]:
        """Of the nfe those that are not there."""
        there = self._results.get(wanted.key)
        return tuple(nfe for nfe in nfes if not (there and there.same(wanted) and nfe in there.rows))

    def make_way(self, trained: Sequence[Result]) -> None:
        """Forget earlier trainings: where a result of a method is not of these weights or tiles, all such of it go.

        Args:
            trained: what is asked of the weights that there are.
        """
        asked = {result.key: result for result in trained}
        ours = {key for key, each in self._results.items() if key in asked and each.same(asked[key])}
        methods = {key[:2] for key in self._results.keys() & asked.keys() - ours}
        kept = {key: each for key, each in self._results.items() if key in ours or key[:2] not in methods}
        if len(kept) < len(self._results):
            self._results = kept
            self._write()

    def add(self, result: Result) -> None:
        """Keep a result, beside the rows at other nfe if they are of the same weights and tiles."""
        there = self._results.get(result.key)
        rows = {**there.rows, **result.rows} if there and there.same(result) else result.rows
        self._results[result.key] = Result(**{**vars(result), "rows": dict(sorted(rows.items()))})
        self._write()

    def seconds(self, task: str) -> Seconds | None:
        """What restoring took, if that was measured."""
        return self._seconds.get(task)

    def add_seconds(self, task: str, seconds: Seconds) -> None:
        """Keep what restoring took."""
        self._seconds[task] = seconds
        self._write()

    def _write(self) -> None:
        results = [asdict(self._results[key]) for key in sorted(self._results)]
        document: dict[str, Any] = {
            "results": [{**each, "rows": list(each["rows"].values())} for each in results],
            "seconds": {task: asdict(each) for task, each in sorted(self._seconds.items())},
        }
        write_text(self.path, json.dumps(document, indent=1) + "\n")


def _by_nfe(rows: list[dict[str, Any]]) -> Rows:
    return {row["nfe"]: Found(**row) for row in rows}


def _seconds(document: dict[str, Any]) -> Seconds:
    each = {method: {int(nfe): value for nfe, value in row.items()} for method, row in document["each"].items()}
    return Seconds(document["machine"], each)
