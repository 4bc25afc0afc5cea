"""i2sbkit compare"""

import os
from dataclasses import asdict
from pathlib import Path

import click

from .options import examples, json_option, print_json, shown_warnings


@click.command(
    epilog=examples(
        "i2sbkit compare restored/ originals/",
        "i2sbkit compare a.png b.png --json",
    )
)
@click.argument("results", type=click.Path(path_type=Path))
@click.argument("references", type=click.Path(path_type=Path))
@json_option
def compare(results: Path, references: Path, as_json: bool) -> None:
    """PSNR (dB) and SSIM of RESULTS against REFERENCES, files or folders matched by stem; no border is cropped.

    Colours are compared, transparency is not; gray counts as RGB, and files may differ in depth.

    The PSNR of equal pictures is infinite: "inf", and null in JSON.
    """
    from ..comparing import compare_folders, means

    with shown_warnings():
        rows = compare_folders(results, references)
    mean = means(rows)
    if as_json:
        print_json({"pictures": [asdict(row) for row in rows], "mean": mean})
        return
    width = max(len("mean"), *(len(row.name) for row in rows))
    click.echo(f"{'':{width}}  psnr_rgb  ssim_rgb")
    for row in rows:
        click.echo(os.fsencode(f"{row.name:{width}}  {row.psnr_rgb:8.2f}  {row.ssim_rgb:8.4f}"))
    click.echo(f"{'mean':{width}}  {mean['psnr_rgb']:8.2f}  {mean['ssim_rgb']:8.4f}")
