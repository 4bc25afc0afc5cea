"""i2sbkit train"""

import json
from pathlib import Path

import click

from .options import complete_recipes, complete_weights, device_option, examples, json_option, print_json, set_option


@click.command(
    epilog=examples(
        "i2sbkit train tiny",
        "i2sbkit train recipes/jpeg10.toml --set train.batch=8",
        "i2sbkit train jpeg10 --init-from jpeg --out runs/finer",
    )
)
@click.argument("recipe", shell_complete=complete_recipes)
@set_option
@click.option("--init-from", metavar="FILE", shell_complete=complete_weights, help="Weights or state to begin from.")
@click.option("--out", type=click.Path(path_type=Path), metavar="RUN", help="Run folder. [default: runs/<recipe stem>]")
@click.option("--resume", default="auto", metavar="auto|never|FILE", show_default=True, help="Where to go on from.")
@device_option
@click.option("--dry-run", is_flag=True, help="Say what would be trained, and stop.")
@json_option
def train(
    recipe: str,
    overrides: tuple[str, ...],
    init_from: str | None,
    out: Path | None,
    resume: str,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train the bridge of RECIPE, a file or the name of a shipped recipe.

    --init-from takes a weights file, a training state (its averages) or a bundled task.
    """
    from ..devices import pick_device
    from ..planning import describe, plan
    from ..recipe import load_recipe
    from ..shipped import find_weights
    from ..training import train as run_training

    if init_from:
        overrides += (f"train.init={json.dumps(str(find_weights(init_from)), ensure_ascii=False)}",)
    loaded = load_recipe(recipe, overrides)
    run = out or Path("runs") / loaded.name
    if dry_run:
        facts = plan(loaded, run)
        print_json(facts) if as_json else click.echo(describe(facts))
        return
    result = run_training(loaded, run, pick_device(device), resume)
    if as_json:
        print_json(result)
    else:
        click.echo(result["weights"])
