"""i2sbkit tune"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..printable import spell
from .evaluation_options import arms_options, base_options, cases_options, given, loaded, model_options
from .options import examples, json_option, print_json, shown_warnings
from .places import Place
from .tables import print_table

if TYPE_CHECKING:
    from ..evaluating.tuning import Tuned
    from ..results.evaluation import Results


@click.command(
    epilog=examples(
        "i2sbkit tune --task jpeg --data photos/",
        "i2sbkit tune --weights runs/jpeg/weights.safetensors --data heldout.tar --metric percep_efflite0 --nfe 1,5,20",
        "i2sbkit restore old/ new/ --task jpeg --effort fast",
    )
)
@model_options
@cases_options
@arms_options
@click.option("--metric", default="psnr_rgb", show_default=True, metavar="NAME", help="The column to choose by.")
@base_options
@click.option(
    "--out", type=Place(path_type=Path), metavar="FILE", help="Write a copy there. [default: the weights' own file]"
)
@click.option("--report", type=Place(path_type=Path), metavar="FILE.html", help="Also write a page with the plot.")
@click.option("--overwrite", is_flag=True, help="Replace what --out and --report name.")
@json_option
def tune(
    model: dict[str, Any],
    cases: dict[str, Any],
    arms: dict[str, Any],
    metric: str,
    base: dict[str, Any],
    out: Path | None,
    report: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Find the samplers and evaluations that are worth their time, and keep three of them in the weights.

    Each sampler that fits is measured with several numbers of evaluations (--sampler, --nfe and --eta choose others).
    Of those that no other beats in both quality and seconds, a fast, a balanced and the best one go into the header
    of the weights, for `restore --effort`. Seconds are this machine's.
    """
    if out and out.exists() and not overwrite:
        raise click.UsageError(f"{out}: exists already; --overwrite replaces it")
    from ..evaluating.planning import Wanted
    from ..evaluating.results_json import as_json as document_of
    from ..evaluating.tuning import check_target, tuned_on
    from ..report.plan import check_page
    from ..restoring import Settings

    with shown_warnings():
        if report:
            check_page(report, overwrite)
        ready, wanted = loaded(**model), Wanted(**given(cases, arms), metrics=(metric,), seed=base["seed"])
        target = out or ready.weights.path
        check_target(target)
        results, tuned = tuned_on(ready, wanted, Settings(**base), metric, report)
        if not as_json:
            _show(results, tuned)
        tuned.keep(ready.weights, results, target)
    if as_json:
        print_json({**document_of(results), "efforts": tuned.efforts(), "written": str(target)})
    else:
        click.echo(f"kept in {target}, for restore --effort", err=True)


def _show(results: Results, tuned: Tuned) -> None:
    """The table of the arms, the plot of the front, and what was picked."""
    from ..report.fronts import SECONDS, better, quality_points
    from ..report.terminal_plot import terminal_plot
    from ..results.tables import title
    from .evaluate import print_results

    print_results(results)
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    plot = terminal_plot(
        quality_points(results, tuned.column, tuned.marks),
        title=f"{title(tuned.column)} and time",
        x_label=SECONDS,
        y_label=f"{title(tuned.column)}, {better(results, tuned.column)}",
        width=min(shutil.get_terminal_size().columns, 100),
        ascii=not encoding.startswith("utf"),
    )
    click.echo(f"\n{plot}\n")
    print_table(
        ("effort", "sampler", "seconds", tuned.column),
        [
            (name, spell(effort["sampler"]), f"{effort['seconds']:.3g}", f"{effort[tuned.column]:.4g}")
            for name, effort in tuned.efforts().items()
        ],
    )
