"""Arguments that are files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class Place(click.Path):
    """A path that says something: an empty one would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value, param, ctx) if str(value) else self.fail("is empty; . is this folder", param, ctx)


def some_and_out(places: tuple[Path, ...], verb: str) -> tuple[Path, ...]:
    """See that IN and OUT are given, of a command that takes several IN.

    Raises:
        UsageError: something is missing.
    """
    if len(places) < 2:
        only = f"only {places[0]} is given; " if places else ""
        raise click.UsageError(f"{only}give what to {verb}, and then OUT")
    return places
