"""i2sbkit weights"""

from pathlib import Path
from typing import Any

import click

from ..printable import spell
from .options import complete_weights, examples, json_option, print_json, set_option
from .tables import print_table, spell_metrics


@click.group(epilog=examples("i2sbkit weights list", "i2sbkit weights info jpeg"))
def weights() -> None:
    """List, describe, export and import weights."""


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
        print_table(
            ("task", "restores", "sampler", "nfe", "MB", "parameters", "licence", "metrics"), [_row(s) for s in found]
        )
    else:
        click.echo("no bundled weights; restore takes your own as --weights runs/NAME/weights.safetensors", err=True)


def _row(facts: dict[str, Any]) -> list[str]:
    return [
        facts["task"],
        spell(facts["corruption"]),
        facts["sampler"],
        "" if facts["nfe"] is None else str(facts["nfe"]),
        f"{facts['size_mb']:.1f}",
        f"{facts['parameters']:,}",
        facts["licence"] or "",
        spell_metrics(facts["metrics"]),
    ]


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
    from ..publishing import summary
    from ..shipped import find_weights
    from ..toml_text import to_toml

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
            click.echo(f"{key:{width}}  {spell_metrics(value) if isinstance(value, dict) else value}")
    click.echo(f"\n{to_toml(header['recipe'])}", nl=False)


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
