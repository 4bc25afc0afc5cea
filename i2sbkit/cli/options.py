"""Options that several commands share."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from ..batch import Report
    from ..jobs import Policy

Command = TypeVar("Command", bound=Callable[..., Any])

device_option = click.option(
    "--device", default="auto", show_default=True, metavar="D", help="auto, cpu, cuda, cuda:1, mps; auto prefers a GPU."
)
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="K=V", help="Override a value: section.key=value. Repeatable."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout instead of text.")

SETTINGS = (
    click.option(
        "--nfe", type=click.IntRange(min=1), help="Network evaluations a picture. [default: the weights' own]"
    ),
    click.option("--sampler", help="sde, ode, dbim or a plugin's. [default: the weights' own]"),
    click.option("--eta", type=click.FloatRange(0, 1), help="Share of fresh noise, for samplers that have it."),
    click.option("--seed", default=0, show_default=True, help="With a picture's content it fixes all that is random."),
    click.option("--tile", type=click.IntRange(min=0), metavar="PX", help="Side of the tiles; 0: whole pictures."),
    click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True),
    click.option("--force", is_flag=True, help="Go on with a sampler that does not fit the weights."),
)


def settings_options(command: Command) -> Command:
    """The options of how to restore, handed on as one: `settings`, the arguments of `restoring.Settings`."""
    names = ("nfe", "sampler", "eta", "seed", "tile", "precision", "force")

    @wraps(command)
    def collected(**given: Any) -> Any:
        return command(settings={name: given.pop(name) for name in names}, **given)

    decorated: Any = collected
    for option in reversed(SETTINGS):
        decorated = option(decorated)
    return cast(Command, decorated)


def examples(*commands: str) -> str:
    """An epilog of command lines, each on a line of its own however long."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Within the block warnings are lines on stderr, each as often as it is given."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    if caught:
        from ..reporting import warn

        for warning in caught:
            warn(str(warning.message))


def print_json(value: Any) -> None:
    """One JSON document on stdout; infinity and nan, which JSON has no word for, become null."""
    text = json.dumps(_finite(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    click.echo(text.encode("utf-8", "backslashreplace"))  # a file name that is no UTF-8 becomes a \u escape


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def existing_options(command: Command) -> Command:
    """--overwrite and --skip-existing."""
    command = click.option("--skip-existing", is_flag=True, help="Pass over inputs whose outputs all exist.")(command)
    return click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")(command)


def policy(overwrite: bool, skip_existing: bool) -> Policy:
    """What the two flags ask for."""
    if overwrite and skip_existing:
        raise click.UsageError("--overwrite and --skip-existing exclude each other")
    return "overwrite" if overwrite else "skip" if skip_existing else "refuse"


def finish_jobs(report: Report, as_json: bool) -> int:
    """Print the files written, or all outcomes as JSON; 1 where a file failed, else 0.

    Raises:
        Stopped: a signal cut the work short.
    """
    failed = [outcome for outcome in report.outcomes if outcome.error]
    if as_json:
        print_json([outcome.as_dict() for outcome in report.outcomes])
    else:
        for outcome in report.outcomes:
            for output in outcome.outputs:
                click.echo(os.fsencode(output))
    if failed:
        click.echo(f"{len(failed)} of {len(report.outcomes)} files failed", err=True)
    if report.stopped:
        raise report.stopped
    return 1 if failed else 0


def complete_recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: shipped recipes that begin so, else files."""
    from ..shipped import recipes

    return _names_or_files(recipes(), incomplete)


def complete_tasks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: tasks with bundled weights that begin so."""
    from ..shipped import bundled

    return [task for task in bundled() if task.startswith(incomplete)]


def complete_weights(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: tasks with bundled weights that begin so, else files."""
    from ..shipped import bundled

    return _names_or_files(bundled(), incomplete)


def _names_or_files(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Not both: a shell that is told to complete files forgets the names."""
    matching = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return matching or [CompletionItem(incomplete, type="file")]
