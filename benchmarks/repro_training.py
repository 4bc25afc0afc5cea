"""The trainings of the comparison, and the milestones that they leave behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from i2sbkit.checkpoint import read_header
from i2sbkit.cli import execute
from i2sbkit.files import atomic
from i2sbkit.kernel.errors import Error
from i2sbkit.recipe import load_recipe

RECIPES = Path(__file__).parent.parent / "recipes/repro"
TASKS = ("jpeg10", "sr4x")
NAMES = (
    *(f"{task}-{method}" for task in TASKS for method in ("i2sb", "diffusion")),
    "unconditional",
    "sr4x-i2sb-x1",
)
SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)
"""Of the steps, where a milestone is."""


def train(name: str, runs: Path, data: str | None, val: str | None, overrides: Sequence[str] = ()) -> None:
    """Train a recipe from milestone to milestone, keeping the averaged weights of each.

    The recipes' learning rate does not depend on where a training ends, so this is one training, cut.

    Raises:
        Error: the run is beyond a milestone that is not there.
        SystemExit: the training failed or was stopped, and said so; called again it goes on.
    """
    path, run = RECIPES / f"{name}.toml", run_of(name, runs)
    given = [f"data.train={data}"] if data else []
    given += [f"data.val={val}"] if val and load_recipe(path).paths("val") else []
    words = [word for override in (*given, *overrides) for word in ("--set", override)]
    for step in steps(load_recipe(path, [*given, *overrides]).train.iterations):
        kept = run / f"milestone-{step:08d}.safetensors"
        if kept.is_file():
            continue
        command = ["train", str(path), "--out", str(run), "--device", "cpu", *words]
        if code := execute([*command, "--set", f"train.iterations={step}"]):
            raise SystemExit(code)
        _keep(run / "weights.safetensors", step, kept)


def run_of(name: str, runs: Path) -> Path:
    """The run folder of a recipe."""
    return runs / f"repro-{name}"


def steps(last: int) -> Iterator[int]:
    """Of the milestones, ascending and different."""
    yield from sorted({max(1, round(share * last)) for share in SHARES})


def milestones(name: str, runs: Path) -> dict[int, Path]:
    """The weights that there are by their step, ascending."""
    found = sorted(run_of(name, runs).glob("milestone-*.safetensors"))
    return {int(path.stem.removeprefix("milestone-")): path for path in found}


def _keep(weights: Path, step: int, kept: Path) -> None:
    if (at := read_header(weights)["step"]) != step:
        raise Error(f"{kept}: cannot be had any more, the run is at step {at}; take the milestone back, or begin anew")
    with atomic(kept) as temporary:
        shutil.copyfile(weights, temporary)
