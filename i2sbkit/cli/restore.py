"""i2sbkit restore"""

from pathlib import Path

import click

from .options import (
    complete_tasks,
    device_option,
    examples,
    existing_options,
    finish_jobs,
    json_option,
    policy,
    shown_warnings,
)


@click.command(
    epilog=examples(
        "i2sbkit restore photos/ restored/ --task jpeg",
        "i2sbkit restore old.jpg new.png --weights runs/jpeg10/weights.safetensors --nfe 5 --samples 3 --spread",
    )
)
@click.argument("inputs", nargs=-1, metavar="IN...", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--task", shell_complete=complete_tasks, help="Bundled weights, by what they restore.")
@click.option("--weights", type=click.Path(path_type=Path), metavar="FILE", help="A weights file of your own.")
@click.option("--nfe", type=click.IntRange(min=1), help="Network evaluations a picture. [default: the weights' own]")
@click.option("--sampler", help="sde, ode, dbim or a plugin's. [default: the weights' own]")
@click.option("--eta", type=click.FloatRange(0, 1), help="Share of fresh noise, for samplers that have it.")
@click.option("--seed", default=0, show_default=True, help="With a picture's content it fixes all that is random.")
@click.option("--samples", default=1, show_default=True, type=click.IntRange(min=1), help="Draws a picture.")
@click.option("--spread", is_flag=True, help="Also write the draws' standard deviation at each pixel.")
@click.option("--trajectory", is_flag=True, help="Also write the states from degraded to restored, as a strip.")
@click.option("--tile", type=click.IntRange(min=0), metavar="PX", help="Side of the tiles; 0: whole pictures.")
@device_option
@click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True)
@click.option("--force", is_flag=True, help="Go on with a sampler that does not fit the weights.")
@existing_options
@json_option
def restore(
    inputs: tuple[Path, ...],
    out: Path,
    task: str | None,
    weights: Path | None,
    nfe: int | None,
    sampler: str | None,
    eta: float | None,
    seed: int,
    samples: int,
    spread: bool,
    trajectory: bool,
    tile: int | None,
    device: str,
    precision: str,
    force: bool,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
) -> int:
    """Restore the pictures in IN, files or folders, and write them to OUT."""
    if not inputs:
        raise click.UsageError(f"only {out} is given; give what to restore, and then OUT")
    if (task is None) == (weights is None):
        raise click.UsageError("give either --task NAME or --weights FILE; `i2sbkit weights list` shows the tasks")
    if spread and samples < 2:
        raise click.UsageError("--spread is the deviation of several draws; add --samples 8")
    from ..api import load
    from ..batch import run_jobs
    from ..jobs import find_jobs, settle_existing
    from ..restore_files import Extras, file_restorer
    from ..restoring import Settings

    extras = Extras(samples, spread, trajectory)
    jobs = settle_existing(find_jobs(inputs, out), policy(overwrite, skip_existing), extras.targets)
    with shown_warnings():
        settings = Settings(nfe, sampler, eta, seed, tile, precision, force)
        restorer = load(str(weights or task), device).restorer(settings)
    return finish_jobs(run_jobs(jobs, file_restorer(restorer, extras), "restored"), as_json)
