"""What the trained networks are worth, by the library's own evaluation; what is measured once is kept."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from peers.page import machine
from repro_seconds import interleaved
from repro_training import TASKS
from repro_trials import METHODS, NFES, Trial, all_trials, tiles, trials

from i2sbkit.evaluating.cases import Cases
from i2sbkit.evaluating.opening import opened
from i2sbkit.evaluating.planning import Wanted
from i2sbkit.files import write_text
from i2sbkit.jobs.manifest import sha256_of
from i2sbkit.kernel.errors import Error

BATCH, TIMED = 32, 64
"""Tiles restored together, and tiles whose restoration is timed."""
METRICS = ("psnr_rgb", "percep_efflite0", "frechet_efflite0")


@dataclass(frozen=True)
class Found:
    """The means over all tiles at one nfe; nfe 0 is the damaged picture itself."""

    nfe: int
    psnr_rgb: float
    percep_efflite0: float
    frechet_efflite0: float


Seconds = dict[str, dict[int, float]]
"""By method and nfe the processor's seconds for a tile."""


class Measured:
    """What is known of the weights in a folder of runs.

    Args:
        count: so many tiles, the first ones; None takes all.
        known: measure nothing, as it should be known.
    """

    def __init__(self, runs: Path, count: int | None = None, known: bool = False) -> None:
        self.runs, self.count, self.known = runs, count, known

    def results(self, trial: Trial) -> list[Found]:
        """What a trial gives, the damaged pictures first.

        Raises:
            Error: it is not known and should be.
        """
        folder = self._kept(f"{trial.task}-{trial.method}-{trial.sampler}-{trial.step}", [trial], list(trial.nfes))
        if not (folder / "results.json").is_file():
            self._tell(folder)
            wanted = Wanted(
                [str(tiles(self.runs))],
                count=self.count,
                nfes=trial.nfes,
                samplers=[trial.sampler],
                metrics=METRICS,
                batch=BATCH,
            )
            with opened(trial.model(), wanted, trial.settings, out=folder) as evaluation:
                evaluation.run()
        arms = json.loads((folder / "results.json").read_text("utf-8"))["arms"]
        return [_found(arm) for arm in arms]

    def tiles(self) -> int:
        """How many there are."""
        return len(list(tiles(self.runs).iterdir())) if self.count is None else self.count

    def last(self, task: str, method: str, sampler: str) -> Trial | None:
        """Of the last milestone; None where there are no weights."""
        return next(iter(trials(task, method, sampler, self.runs)[::-1]), None)

    def seconds(self, task: str) -> Seconds:
        """Of the last milestones, all in one run.

        Raises:
            Error: they are not known and should be.
        """
        found = {method: self.last(task, method, samplers[-1]) for method, samplers in METHODS.items()}
        there = {method: trial for method, trial in found.items() if trial}
        path = self._kept(f"{task}-seconds", list(there.values())).with_suffix(".json")
        if not path.is_file():
            self._tell(path)
            ways = {
                (method, nfe): trial.model().restorer(replace(trial.settings, sampler=trial.sampler, nfe=nfe))
                for method, trial in there.items()
                for nfe in NFES
            }
            recipe = next(iter(there.values())).model().weights.recipe
            cases = Cases.of(recipe, [str(tiles(self.runs))], count=min(self.count or TIMED, TIMED))
            seconds = interleaved(ways, [case.blind for case in cases], BATCH)
            rows = [[*key, value] for key, value in seconds.items()]
            write_text(path, json.dumps({"machine": machine(), "seconds": rows}, indent=1) + "\n")
        known: Seconds = {}
        for method, nfe, value in json.loads(path.read_text("utf-8"))["seconds"]:
            known.setdefault(method, {})[nfe] = value
        return known

    def in_equal_seconds(self, task: str, sampler: str) -> Trial | None:
        """The inverse method with as many evaluations as fit into the seconds of I2SB's, at least one."""
        trial, seconds = self.last(task, "ddnm", sampler), self.seconds(task)
        if trial is None or "i2sb" not in seconds:
            return None
        return replace(trial, nfes=tuple(sorted({fitting(seconds, nfe) for nfe in NFES})))

    def _kept(self, name: str, of: Sequence[Trial], *more: object) -> Path:
        what = json.dumps([name, [sha256_of(trial.weights) for trial in of], self.count, *more])
        return self.runs / "repro-measured" / f"{name}-{hashlib.sha256(what.encode()).hexdigest()[:12]}"

    def _tell(self, path: Path) -> None:
        if self.known:
            raise Error(f"{path}: not measured yet; `python benchmarks/repro.py measure` does")
        print(path.name, file=sys.stderr, flush=True)


def fitting(seconds: Seconds, nfe: int) -> int:
    """How many evaluations of the inverse method take no more seconds than I2SB's `nfe`, at least one."""
    each = seconds["ddnm"][NFES[-1]] / NFES[-1]
    return max(1, int(seconds["i2sb"][nfe] / each))


def measure(runs: Path, count: int | None) -> None:
    """Measure all that there are weights for."""
    measured = Measured(runs, count)
    for trial in all_trials(runs):
        measured.results(trial)
    for task in TASKS:
        for sampler in METHODS["ddnm"]:
            if trial := measured.in_equal_seconds(task, sampler):
                measured.results(trial)


def _found(arm: dict[str, Any]) -> Found:
    nfe = arm["arm"]["options"].get("nfe", 0)
    means = {**{name: each["mean"] for name, each in arm["means"].items()}, **arm["sets"]}
    return Found(nfe, *(means[name] for name in METRICS))
