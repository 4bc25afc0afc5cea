"""i2sbkit weights"""

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..printable import one_line, spell
from .completing import complete_weights
from .options import examples, json_option, print_json, set_option
from .tables import print_table, spell_metrics

COLUMN = 56
"""Width of what weights restore, in the list: the whole of it then fits into a hundred columns."""


@click.group(epilog=examples("i2sbkit weights list", "i2sbkit weights info jpeg", "i2sbkit weights check"))
def weights() -> None:
    """List, describe, check, export and import weights."""


@weights.command("list", epilog=examples("i2sbkit weights list", "i2sbkit weights list --json"))
@json_option
def list_(as_json: bool) -> None:
    """List the bundled weights: names for --task."""
    from ..publishing import summary
    from ..shipped import bundled

    found = [summary(path) for path in bundled().values()]
    if as_json:
        print_json(found)
    elif found:
        print_table(("task", "restores", "sampler", "nfe", "MB", "licence"), [row for s in found for row in _rows(s)])
    else:
        click.echo("no bundled weights; restore takes your own as --weights runs/NAME/weights.safetensors", err=True)


def _rows(facts: dict[str, Any]) -> list[list[str]]:
    """The lines of the table for one task: what it restores and what was measured may take several."""
    measured = f"measured: {spell_metrics(facts['metrics'])}" if facts["metrics"] else ""
    told = [*_damage(facts["corruption"]), measured]
    lines = [line for text in told for line in textwrap.wrap(text, COLUMN, subsequent_indent=_indent(text))]
    nfe = "" if facts["nfe"] is None else str(facts["nfe"])
    first = [facts["task"], lines[0], facts["sampler"], nfe, f"{facts['size_mb']:.1f}", facts["licence"] or ""]
    return [first, *(["", line, *[""] * (len(first) - 2)] for line in lines[1:])]


def _indent(text: str) -> str:
    """What goes on below a text stands two columns further in."""
    return " " * (len(text) - len(text.lstrip()) + 2)


def _damage(part: Mapping[str, Any]) -> list[str]:
    """A corruption as it reads in a table; each part within it on a line of its own."""
    within = {key: value for key, value in part.items() if isinstance(value, list) and isinstance(value[0], dict)}
    own = spell({key: value for key, value in part.items() if key not in within})
    return [own, *(f"  {line}" for parts in within.values() for each in parts for line in _damage(each))]


@weights.command(
    epilog=examples("i2sbkit weights info jpeg", "i2sbkit weights info runs/tiny/weights.safetensors --json")
)
@click.argument("source", metavar="NAME_OR_FILE", shell_complete=complete_weights)
@json_option
def info(source: str, as_json: bool) -> None:
    """Show what a file says of itself.

    All of it, its recipe included; of weights or of a training state.
    """
    from ..checkpoint import read_header
    from ..document.toml_text import to_toml
    from ..publishing import summary
    from ..shipped import find_weights

    path = find_weights(source)
    header, facts = read_header(path), summary(path)
    if as_json:
        print_json({**facts, "header": header})
        return
    facts["parameters"] = f"{facts['parameters']:,}"
    facts["stored_as"] = " ".join(facts["stored_as"])
    del facts["task"], facts["corruption"], facts["sampler"], facts["nfe"]  # the recipe says them, and more
    rows = {**facts, **{key: value for key, value in header.items() if key != "recipe"}}
    width = max(map(len, rows))
    for key, value in rows.items():
        if value is not None:
            told = spell_metrics(value) if isinstance(value, dict) else value
            click.echo(f"{one_line(key):{width}}  {one_line(told)}")
    recipe = "\n".join(map(one_line, to_toml(header["recipe"]).split("\n")))
    click.echo(f"\n{recipe}", nl=False)


@weights.command(epilog=examples("i2sbkit weights check", "i2sbkit weights check runs/tiny/weights.safetensors --json"))
@click.argument("sources", nargs=-1, metavar="[NAME_OR_FILE]...", shell_complete=complete_weights)
@json_option
def check(sources: tuple[str, ...], as_json: bool) -> int:
    """See that weights are whole, and print their SHA-256.

    Without arguments the bundled ones, which must be as they were published. Of any file the header must be readable,
    its plugins installed, and all numbers finite and those of its recipe's network. Exit code 1 where one is not.
    """
    from ..shipped import find_weights
    from ..verifying import check as check_file
    from ..verifying import check_bundled

    results = [check_file(path) for path in map(find_weights, sources)] if sources else check_bundled()
    failed = [result for result in results if result.problem]
    if as_json:
        print_json([asdict(result) for result in results])
    else:
        for result in results:
            known = (", as published" + (", tuned since" if result.tuned else "")) if result.published else ""
            click.echo(one_line(result.problem or f"{result.file}: whole{known}, sha256 {result.sha256}"))
    if failed:
        own = "; copy or export your own again" if any(result.published is None for result in failed) else ""
        click.echo(f"{len(failed)} of {len(results)} files are not whole{own}", err=True)
    return 1 if failed else 0


@weights.command(
    epilog=examples(
        "i2sbkit weights export runs/jpeg --out jpeg.safetensors --half --licence CC0-1.0",
        "i2sbkit weights export runs/jpeg/state-00001000.safetensors --out early.safetensors --nfe 5",
    )
)
@click.argument("source", metavar="RUN_OR_FILE", shell_complete=complete_weights)
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="What to write.")
@click.option("--half", is_flag=True, help="Store half precision: half the size.")
@click.option("--licence", metavar="TEXT", help="Licence of the weights. [default: what the source says]")
@click.option("--sampler", metavar="S", help="Default sampler. [default: the recipe's]")
@click.option("--nfe", type=click.IntRange(min=1), metavar="N", help="Its network evaluations. [default: the recipe's]")
@click.option("--overwrite", is_flag=True, help="Replace FILE where it exists.")
@json_option
def export(
    source: str,
    out: Path,
    half: bool,
    licence: str | None,
    sampler: str | None,
    nfe: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Make a weights file to publish.

    RUN_OR_FILE is a run folder, a training state, a weights file or a bundled task. Of a training state the averaged
    weights are taken. Of paths in the recipe only the file names are kept.
    """
    from ..publishing import export as run_export

    facts = run_export(source, out, half=half, licence=licence, sampler=sampler, nfe=nfe, overwrite=overwrite)
    print_json(facts) if as_json else click.echo(facts["file"])


@weights.command(
    "import",
    epilog=examples(
        "i2sbkit weights import results/jpeg-10 --out jpeg10.safetensors",
        "i2sbkit weights import results/mine --out mine.safetensors --set backbone.num_head_channels=32",
        "i2sbkit weights import 256x256_diffusion_uncond.pt --out adm.safetensors",
    ),
)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="What to write.")
@set_option
@click.option("--overwrite", is_flag=True, help="Replace FILE where it exists.")
@json_option
def import_(source: Path, out: Path, overrides: tuple[str, ...], overwrite: bool, as_json: bool) -> None:
    """Bring in weights of another program.

    SOURCE is what a plugin can read; i2sbkit itself knows a results folder of the authors' code (NVlabs/I2SB) and
    256x256_diffusion_uncond.pt of guided-diffusion. What the source does not say is assumed, shown on stderr, and
    can be put right by --set.
    """
    from ..importing import import_weights

    facts, assumed = import_weights(source, out, overrides, overwrite)
    for line in assumed:
        click.echo(f"assumed: {line}", err=True)
    print_json({**facts, "assumed": list(assumed)}) if as_json else click.echo(facts["file"])
