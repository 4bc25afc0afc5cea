"""i2sbkit restore"""

from pathlib import Path
from typing import Any

import click

from .options import (
    complete_tasks,
    device_option,
    examples,
    existing_options,
    finish_jobs,
    json_option,
    policy,
    settings_options,
    shown_warnings,
)

MASK_HELP = "What is missing, as white: a picture, or a folder of them named like the inputs."


@click.command(
    epilog=examples(
        "i2sbkit restore photos/ restored/ --task jpeg",
        "i2sbkit restore old.jpg new.png --weights runs/jpeg10/weights.safetensors --nfe 5 --samples 3 --spread",
        "i2sbkit restore torn.png whole.png --weights inpaint.safetensors --mask torn-mask.png",
    )
)
@click.argument("inputs", nargs=-1, metavar="IN...", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--task", shell_complete=complete_tasks, help="Bundled weights, by what they restore.")
@click.option("--weights", type=click.Path(path_type=Path), metavar="FILE", help="A weights file of your own.")
@settings_options
@click.option("--mask", type=click.Path(path_type=Path), metavar="PATH", help=MASK_HELP)
@click.option("--kernel", metavar="K", help="The blur, where it is known: uniform:9, gaussian:5:10 or a FILE of it.")
@click.option("--samples", default=1, show_default=True, type=click.IntRange(min=1), help="Draws a picture.")
@click.option("--spread", is_flag=True, help="Also write the draws' standard deviation at each pixel.")
@click.option("--trajectory", is_flag=True, help="Also write the states from degraded to restored, as a strip.")
@device_option
@existing_options
@json_option
def restore(
    inputs: tuple[Path, ...],
    out: Path,
    task: str | None,
    weights: Path | None,
    settings: dict[str, Any],
    mask: Path | None,
    kernel: str | None,
    samples: int,
    spread: bool,
    trajectory: bool,
    device: str,
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
    from ..observing import told_of
    from ..restore_files import Extras, file_restorer
    from ..restoring import Settings

    extras = Extras(samples, spread, trajectory)
    jobs = settle_existing(find_jobs(inputs, out), policy(overwrite, skip_existing), extras.targets)
    with shown_warnings():
        restorer = load(str(weights or task), device).restorer(Settings(**settings))
        told = told_of(restorer.corruption, mask, kernel)
    return finish_jobs(run_jobs(jobs, file_restorer(restorer, extras, told), "restored"), as_json)
