"""i2sbkit train"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .completing import complete_recipes, complete_weights
from .options import (
    deterministic_option,
    device_option,
    examples,
    json_option,
    print_json,
    set_option,
    strict_option,
)
from .places import Place

if TYPE_CHECKING:
    from ..recipe import Recipe


@click.command(
    epilog=examples(
        "i2sbkit train tiny",
        "i2sbkit train recipes/jpeg10.toml --set train.batch=8",
        "i2sbkit train jpeg10 --init-from jpeg --out runs/finer",
        "i2sbkit train imagenet256/jpeg10 --set data.train=shards/ --nproc 8",
    )
)
@click.argument("recipe", shell_complete=complete_recipes)
@set_option
@click.option("--init-from", metavar="FILE", shell_complete=complete_weights, help="Weights or state to begin from.")
@click.option("--out", type=Place(path_type=Path), metavar="RUN", help="Run folder. [default: runs/<recipe stem>]")
@click.option("--resume", default="auto", metavar="auto|never|FILE", show_default=True, help="Where to go on from.")
@device_option
@click.option("--nproc", type=click.IntRange(min=1), metavar="N", help="Processes on this machine, one a GPU.")
@strict_option
@deterministic_option
@click.option("--dry-run", is_flag=True, help="Say what would be trained, and stop.")
@json_option
def train(
    recipe: str,
    overrides: tuple[str, ...],
    init_from: str | None,
    out: Path | None,
    resume: str,
    device: str,
    nproc: int | None,
    strict: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Train the bridge of RECIPE, a file or the name of a shipped recipe.

    --init-from takes a weights file, a training state (its averages) or a bundled task. --nproc trains in several
    processes; on several machines, torchrun -m i2sbkit train does.
    """
    from ..determinism import deterministic_now
    from ..distributed import World, joined, one_voice
    from ..training import train as run_training

    world = World.of_environment()
    if nproc and world.size > 1:
        raise click.UsageError("--nproc starts processes, as torchrun did already; leave it out")
    if dry_run:
        if world.first:
            _say(_load(recipe, overrides, init_from), out, nproc or world.size, strict, as_json)
        return 0
    if nproc and nproc > 1:
        _check(_load(recipe, overrides, init_from), nproc)
        given = [("--set", override) for override in overrides]
        given += [(name, str(value)) for name, value in (("--init-from", init_from), ("--out", out)) if value]
        given += [("--resume", resume), ("--device", device)]
        flags = ["--strict"] * strict + ["--deterministic"] * deterministic_now() + ["--json"] * as_json
        return _launch(recipe, [*(word for option in given for word in option), *flags], nproc)
    with joined(device) as (world, own), one_voice(world):
        with world.agreed():
            loaded = _load(recipe, overrides, init_from)
        result = run_training(loaded, _run_folder(loaded, out), own, resume, world, strict)
    if world.first:
        print_json(result) if as_json else click.echo(result["weights"])
    return 0


def _load(recipe: str, overrides: tuple[str, ...], init_from: str | None) -> Recipe:
    from ..recipe import load_recipe
    from ..shipped import find_weights

    if init_from is not None:
        overrides += (f"train.init={json.dumps(str(find_weights(init_from)), ensure_ascii=False)}",)
    return load_recipe(recipe, overrides)


def _run_folder(recipe: Recipe, out: Path | None) -> Path:
    return out or Path("runs") / recipe.name


def _say(recipe: Recipe, out: Path | None, processes: int, strict: bool, as_json: bool) -> None:
    """What would be trained."""
    from ..training.planning import describe, plan

    facts = plan(recipe, _run_folder(recipe, out), processes, strict)
    print_json(facts) if as_json else click.echo(describe(facts))


def _check(recipe: Recipe, processes: int) -> None:
    """Tell what would stop every process, before any is started."""
    from ..sources.order import share_of

    share_of(recipe.train.batch, processes)


def _launch(recipe: str, words: list[str], processes: int) -> int:
    """The same command without --nproc in each of the processes."""
    from ..launching import launch

    return launch(processes, ["train", *words, "--", recipe])
