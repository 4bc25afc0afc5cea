"""i2sbkit evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..printable import one_line
from .evaluation_options import (
    arms_options,
    base_options,
    cases_options,
    columns_options,
    given,
    kept_options,
    loaded,
    model_options,
)
from .options import (
    deterministic_option,
    examples,
    json_option,
    print_json,
    shown_warnings,
    strict_option,
)
from .places import Place
from .tables import print_table

if TYPE_CHECKING:
    from ..results.evaluation import Results


@click.command(
    epilog=examples(
        "i2sbkit evaluate --task jpeg --data photos/ --nfe 1,2,5",
        "i2sbkit evaluate --task jpeg --corruption jpeg:quality=10 --data heldout.tar --report jpeg10.html",
        "i2sbkit evaluate --task blur --data photos/ --metrics psnr_rgb,percep_efflite0 --out blur/ --against old/",
        "i2sbkit evaluate --weights jpeg10.safetensors --data val/ --nfe 10,100 --part 1/8 --out jpeg10/",
    )
)
@model_options
@cases_options
@arms_options
@columns_options
@base_options
@kept_options
@click.option("--report", type=Place(path_type=Path), metavar="FILE.html", help="Also write a page to see it on.")
@strict_option
@deterministic_option
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--overwrite", is_flag=True, help="Replace what DIR and FILE.html hold.")
@json_option
def evaluate(
    model: dict[str, Any],
    cases: dict[str, Any],
    arms: dict[str, Any],
    columns: dict[str, Any],
    base: dict[str, Any],
    kept: dict[str, Any],
    report: Path | None,
    strict: bool,
    markdown: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure how well weights restore photographs, over samplers and evaluations.

    The photographs are cut, damaged, restored and compared one at a time; all that is random follows from --seed and
    the photographs and their names. With --out the same command goes on where it was stopped, and several, each with
    its --part, share the work; so do the processes that torchrun starts, which need no --part.
    """
    _check(kept, overwrite, markdown and as_json)
    from ..distributed import A_YEAR, joined, one_voice
    from ..evaluating.opening import opened
    from ..evaluating.planning import Wanted
    from ..report.plan import check_page
    from ..restoring import Settings

    wanted = Wanted(**given(cases, arms, columns), seed=base["seed"], strict=strict)
    with (
        joined(model.pop("device"), A_YEAR) as (world, own),
        one_voice(world),
        shown_warnings(),
    ):
        with world.agreed():
            if report and world.first:
                check_page(report, overwrite)
            ready = loaded(**model, device=str(own))
        with opened(ready, wanted, Settings(**base), **kept, overwrite=overwrite, world=world) as evaluation:
            results = evaluation.run()
            if results is None and world.first:
                click.echo(f"this part is done; missing: {', '.join(map(str, evaluation.folder.missing()))}", err=True)
            if results and report:
                evaluation.write_page(results, report)
    if results:
        _show(results, markdown, as_json)


def _check(kept: dict[str, Any], overwrite: bool, two_forms: bool) -> None:
    from ..distributed import World

    if kept["part"] != (1, 1) and World.of_environment().size > 1:
        raise click.UsageError("--part is given to each process by torchrun; leave it out")
    if kept["part"] != (1, 1) and kept["out"] is None:
        raise click.UsageError("--part adds up in a folder; give --out DIR, the same for all parts")
    if kept["part"] != (1, 1) and overwrite:
        raise click.UsageError("--overwrite would remove all parts; remove the folder, then begin them anew")
    if two_forms:
        raise click.UsageError("--markdown and --json exclude each other")


def _show(results: Results, as_markdown: bool, as_json: bool) -> None:
    from ..evaluating.results_json import as_json as document_of
    from ..results.texts import markdown

    if as_json:
        print_json(document_of(results))
    elif as_markdown:
        click.echo(markdown(results), nl=False)
    else:
        print_results(results)


def print_results(results: Results) -> None:
    """The tables, and on stderr what a reader must know of them."""
    from ..results.texts import text_tables

    for caption, header, rows in text_tables(results):
        click.echo(caption)
        print_table(header, rows)
    for note in results.notes:
        click.echo(f"note: {one_line(note)}", err=True)
