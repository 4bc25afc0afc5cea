"""i2sbkit restore"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    deterministic_option,
    device_option,
    encoding_options,
    examples,
    extras_options,
    finish_jobs,
    in_place_options,
    json_option,
    policy,
    report_options,
    settings_options,
    shown_warnings,
    strict_option,
    told_options,
)
from .places import Place, some_and_out
from .which_weights import named, source_options

if TYPE_CHECKING:
    from ..bulk.plans import Plan
    from ..distributed import World
    from ..observing import Told
    from ..restoring import Restorer


@click.command(
    epilog=examples(
        "i2sbkit restore photos/ restored/ --task jpeg",
        "i2sbkit restore 'photos/**/*.jpg' restored/ --task jpeg --format png",
        "i2sbkit restore photos/ --in-place --task jpeg",
        "i2sbkit restore shards-{000000..000009}.tar restored/ --task jpeg",
        "i2sbkit restore old.jpg new.png --weights runs/jpeg10/weights.safetensors --nfe 5 --samples 3 --spread",
        "i2sbkit restore torn.png whole.png --weights inpaint.safetensors --mask torn-mask.png",
        "i2sbkit restore - - --task jpeg < old.jpg > new.jpg",
    )
)
@click.argument("places", nargs=-1, metavar="IN... OUT", type=Place(path_type=Path, allow_dash=True))
@source_options
@settings_options
@told_options
@extras_options
@encoding_options
@report_options
@device_option
@in_place_options
@strict_option
@deterministic_option
@json_option
def restore(
    places: tuple[Path, ...],
    source: dict[str, Any],
    settings: dict[str, Any],
    told: dict[str, Any],
    extras: dict[str, Any],
    encoding: dict[str, Any],
    report: dict[str, Any],
    device: str,
    existing: dict[str, bool],
    strict: bool,
    as_json: bool,
) -> int:
    """Restore the pictures in IN and write them to OUT.

    IN is a file, a folder, a pattern or shards, OUT a folder; for one picture a file. - is stdin and stdout.
    Started by torchrun, the processes share the files or shards.
    """
    inputs, out = _inputs_and_out(places, existing["in_place"], as_json)
    weights = named(**source)
    if extras["spread"] and extras["samples"] < 2:
        raise click.UsageError("--spread is the deviation of several draws; add --samples 8")
    from ..bulk.files import Extras, file_restorer
    from ..bulk.plans import Facts
    from ..bulk.together import run_plan
    from ..distributed import A_YEAR, joined, one_voice
    from ..memory import keep_freed_memory
    from ..pictures.files import Encoding
    from ..report.plan import plan_report
    from ..report.restoration import reported

    keep_freed_memory()
    as_written, wanted = Encoding(**encoding), Extras(**extras)
    asked = (inputs, out, policy(**existing), wanted, as_written.suffix)
    with joined(device, A_YEAR) as (world, own):
        with one_voice(world), shown_warnings():
            plan = world.shared(lambda: _plan(world, report["page"], *asked))
            with world.agreed():
                page = plan_report(**report, jobs=plan.jobs, out=out, overwrite=existing["overwrite"])
                restorer, known = _restorer(weights, str(own), settings, told)
        said = {name: value for name, value in told.items() if value}
        facts = Facts(restorer, str(weights), said, encoding, world)
        with reported(page, restorer, wanted.samples, len(plan.jobs), said) as collector:
            work = file_restorer(restorer, wanted, known, collector, as_written)
            result = run_plan(plan, work, facts, collector, strict)
    return finish_jobs(result, as_json) if world.first else 0


def _plan(world: World, page: Path | None, *asked: Any) -> Plan:
    """What is to be done; `asked` are the arguments of `bulk.plans.make_plan`."""
    from ..bulk.plans import FilePlan, make_plan
    from ..bulk.together import check_shared

    plan = check_shared(make_plan(*asked), page, world)
    if page and not isinstance(plan, FilePlan):
        raise click.UsageError("--report shows pictures in files, not in shards or pipes; leave it out")
    return plan


def _restorer(
    weights: str | Path, device: str, settings: dict[str, Any], told: dict[str, Any]
) -> tuple[Restorer, Told]:
    """What restores, and what it is told of the damage."""
    from ..api import load
    from ..observing import told_of
    from ..restoring import Settings, warn_of_effort

    restorer = load(weights, device).restorer(Settings(**settings))
    warn_of_effort(restorer, told["kernel"] is not None)
    return restorer, told_of(restorer.corruption, **told)


def _inputs_and_out(places: tuple[Path, ...], in_place: bool, as_json: bool) -> tuple[tuple[Path, ...], Path | None]:
    if in_place and places:
        return places, None
    if in_place:
        raise click.UsageError("give what to restore")
    *inputs, out = some_and_out(places, "restore")
    if as_json and out == Path("-"):
        raise click.UsageError("stdout takes the picture or, with --json, what became of it; give a file as OUT")
    return tuple(inputs), out
