"""Options that several commands share."""

import json
from typing import Any

import click

device_option = click.option(
    "--device", default="auto", show_default=True, metavar="D", help="auto, cpu, cuda, cuda:1, mps; auto prefers a GPU."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout instead of text.")


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))
