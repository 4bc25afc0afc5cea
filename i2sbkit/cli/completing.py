"""What a shell offers for an argument or option while it is typed."""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem


def complete_recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: shipped recipes that begin so, else files."""
    from ..shipped import recipes

    return _names_or_files(recipes(), incomplete)


def complete_weights(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: tasks with bundled weights that begin so, else files."""
    from ..shipped import bundled

    return _names_or_files(bundled(), incomplete)


def _names_or_files(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Not both: a shell that is told to complete files forgets the names."""
    matching = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return matching or [CompletionItem(incomplete, type="file")]
