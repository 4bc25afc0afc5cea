"""Which weights a command takes: bundled ones by --task, others by --weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from .options import Command, collected
from .places import Place


class Task(click.ParamType[str]):
    """Bundled weights, by what they restore; no file of that name."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from ..kernel.plugins import did_you_mean
        from ..shipped import bundled

        task, tasks = str(value), bundled()
        if task in tasks:
            return task
        return self.fail(f"no task {task!r}{did_you_mean(task, tasks)} (there are: {', '.join(tasks) or 'none'})")

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from ..shipped import bundled

        return [CompletionItem(task) for task in bundled() if task.startswith(incomplete)]


SOURCE = (
    click.option("--task", type=Task(), help="Bundled weights, by what they restore: `i2sbkit weights list`."),
    click.option(
        "--weights",
        type=Place(path_type=Path),
        metavar="FILE",
        help="Weights of your own, or a run folder with some.",
    ),
)


def source_options(command: Command) -> Command:
    """The options of which weights, handed on as one: `source`, the arguments of `named`."""
    return collected(command, "source", SOURCE)


def named(task: str | None, weights: Path | None) -> str | Path:
    """The weights that the options name, for `api.load`: the one that is given."""
    if task is not None and weights is None:
        return task
    if weights is not None and task is None:
        return weights
    raise click.UsageError("give either --task NAME or --weights FILE; `i2sbkit weights list` shows the tasks")
