"""i2sbkit compare"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..printable import one_line
from .evaluation_options import NAMES
from .options import device_option, examples, json_option, print_json, shown_warnings

if TYPE_CHECKING:
    from ..evaluating.folders import Compared


@click.command(
    epilog=examples(
        "i2sbkit compare restored/ originals/",
        "i2sbkit compare a.png b.png --json",
        "i2sbkit compare new/ originals/ --against old/ --metrics psnr_rgb,ssim_y_crop4,percep_efflite0",
    )
)
@click.argument("results", type=click.Path(path_type=Path))
@click.argument("references", type=click.Path(path_type=Path))
@click.option("--metrics", type=NAMES, default="psnr_rgb,ssim_rgb", show_default=True, metavar="NAME,...")
@click.option(
    "--features",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A network for percep_STEM, frechet_STEM and so on. Repeatable.",
)
@click.option(
    "--against",
    "other",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Other results of the same pictures, for a paired comparison.",
)
@device_option
@json_option
def compare(
    results: Path,
    references: Path,
    metrics: tuple[str, ...],
    features: tuple[Path, ...],
    other: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure RESULTS against REFERENCES, files or folders matched by stem: PSNR (dB) and SSIM, or other columns.

    Colours are compared, transparency is not; gray counts as RGB, and files may differ in depth. Intervals are of the
    mean, 95 %, by bootstrap over pictures.

    The PSNR of equal pictures is infinite: "inf", and null in JSON.
    """  # fmt: skip
    from ..devices import pick_device
    from ..evaluating.folders import compare as run
    from ..metrics import Scorer

    with shown_warnings():
        found = run(results, references, Scorer(metrics, pick_device(device), features), other)
    if as_json:
        print_json(_document(found))
    else:
        _print(found)


def _document(found: Compared) -> dict[str, Any]:
    mean = {name: interval.mean for name, interval in found.means.items()}
    return {
        "pictures": [{"name": name, **values} for name, values in found.rows],
        "mean": {"pictures": len(found.rows), **mean},
        "interval": {name: {"low": each.low, "high": each.high} for name, each in found.means.items()},
        "sets": found.sets,
        "against": {name: asdict(each) for name, each in found.against.items()},
    }


def _print(found: Compared) -> None:
    columns = list(found.means)
    lines: list[tuple[str, list[float | None]]] = [
        (_shown(name), [row[c] for c in columns]) for name, row in found.rows
    ]
    lines.append(("mean", [found.means[c].mean for c in columns]))
    if len(found.rows) > 1:
        lines.append(("95% from", [found.means[c].low for c in columns]))
        lines.append(("95% to", [found.means[c].high for c in columns]))
    if found.against:
        compared = [found.against.get(c) for c in columns]
        lines.append(("against", [None if each is None else each.difference.mean for each in compared]))
        lines.append(("p", [None if each is None else each.p for each in compared]))
    if columns:
        width = max(len(name) for name, _ in lines)
        click.echo(f"{'':{width}}  " + "  ".join(f"{column:>8}" for column in columns))
        for name, values in lines:
            cells = "  ".join(f"{_spelled(c, v):>{max(8, len(c))}}" for c, v in zip(columns, values, strict=True))
            click.echo(os.fsencode(f"{name:{width}}  {cells}"))
    for column, value in found.sets.items():
        click.echo(f"{column}  {value:.4g}")


def _shown(name: str) -> str:
    """A name on one line; bytes that are no UTF-8, which Python has as lone surrogates, pass through."""
    return "".join(sign if "\ud800" <= sign <= "\udfff" else one_line(sign) for sign in name)


def _spelled(column: str, value: float | None) -> str:
    """A number; "-" where no picture has a finite difference."""
    if value is None:
        return "-"
    return f"{value:.2f}" if column.startswith("psnr") else f"{value:.4f}"
