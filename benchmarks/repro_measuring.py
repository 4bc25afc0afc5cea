"""What the trained networks are worth, by the library's own evaluation."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from peers.page import machine
from repro_numbers import METRICS, Found, Numbers, Result, Seconds
from repro_seconds import interleaved
from repro_training import RECIPES, TASKS
from repro_trials import BESIDE, METHODS, NFES, Trial, tiles, trials, untrained

from i2sbkit.evaluating.cases import Cases
from i2sbkit.evaluating.opening import opened
from i2sbkit.evaluating.planning import Wanted
from i2sbkit.jobs.manifest import sha256_of
from i2sbkit.kernel.errors import Error
from i2sbkit.recipe import load_recipe

BATCH, TIMED = 32, 64
"""Tiles restored together, and tiles whose restoration is timed."""


def measure(runs: Path, numbers: Path, names: Sequence[str], count: int | None) -> None:
    """Measure all that there are weights for and no numbers yet; stopped, it goes on.

    Args:
        numbers: the file that keeps them.
        names: of the trainings whose weights are measured.
        count: so many tiles, the first ones; None takes all.

    Raises:
        Error: there are no weights of them.
    """
    found = [
        (trial, trial is there[-1])
        for task in TASKS
        for method, samplers in {**METHODS, **BESIDE}.items()
        for there in (trials(task, method, sampler, runs) for sampler in samplers)
        for trial in there
        if trial.name in names
    ]
    if not found:
        raise Error(f"{runs}: no weights of {', '.join(names)} to measure; train first")
    of = count or len(list(tiles(runs).iterdir()))
    known = [(trial, is_last, _asked(trial, of)) for trial, is_last in found]
    Numbers(numbers).make_way([asked for _, _, asked in known])
    for trial, _, asked in known:
        _results(trial, asked, runs, numbers, count)
    for trial, asked in ((trial, asked) for trial, is_last, asked in known if is_last and trial.method == "ddnm"):
        seconds = Numbers(numbers).seconds(trial.task) or _seconds(trial.task, runs, numbers, count)
        _results(replace(trial, nfes=tuple(sorted(seconds.all_fitting()))), asked, runs, numbers, count)


def _results(trial: Trial, result: Result, runs: Path, numbers: Path, count: int | None) -> None:
    """What a trial gives, the damaged pictures first, into `result`, which is as `_asked` has it."""
    if not (nfes := Numbers(numbers).missing(result, trial.nfes)):
        return
    said = "-".join(map(str, [*result.key, *nfes]))
    print(said, file=sys.stderr, flush=True)
    wanted = Wanted([str(tiles(runs))], count=count, nfes=nfes, samplers=[trial.sampler], metrics=METRICS, batch=BATCH)
    mark = hashlib.sha256(f"{result.weights} {result.tiles}".encode()).hexdigest()[:12]
    out = runs / "repro-measured" / f"{said}-{mark}"
    with opened(trial.model(), wanted, trial.settings, out=out) as evaluation:
        evaluation.run()
    rows = [_found(arm) for arm in json.loads((out / "results.json").read_text("utf-8"))["arms"]]
    Numbers(numbers).add(replace(result, rows={row.nfe: row for row in rows}))


def _asked(trial: Trial, of: int) -> Result:
    """What is to be measured on so many tiles, no row of it yet."""
    return Result(trial.task, trial.method, trial.sampler, trial.step, sha256_of(trial.weights), of)


def _found(arm: dict[str, Any]) -> Found:
    nfe = arm["arm"]["options"].get("nfe", 0)
    means = {**{name: each["mean"] for name, each in arm["means"].items()}, **arm["sets"]}
    return Found(nfe, *(means[name] for name in METRICS))


def _seconds(task: str, runs: Path, numbers: Path, count: int | None) -> Seconds:
    """All methods in one run, by networks that are not trained: what they know does not change how long they take."""
    print(f"{task}: seconds", file=sys.stderr, flush=True)
    ways = {
        (method, nfe): trial.model().restorer(replace(trial.settings, sampler=trial.sampler, nfe=nfe))
        for method, samplers in METHODS.items()
        for trial in [untrained(task, method, samplers[-1], runs)]
        for nfe in NFES
    }
    cases = Cases.of(load_recipe(RECIPES / f"{task}-i2sb.toml"), [str(tiles(runs))], count=min(count or TIMED, TIMED))
    found = interleaved(ways, [case.blind for case in cases], BATCH)
    seconds = Seconds(machine(), {method: {nfe: found[method, nfe] for nfe in NFES} for method in METHODS})
    Numbers(numbers).add_seconds(task, seconds)
    return seconds
