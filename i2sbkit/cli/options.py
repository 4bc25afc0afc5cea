"""Options that several commands share."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from ..printable import finite, one_line
from .places import Place

if TYPE_CHECKING:
    from ..jobs.job import Policy
    from ..jobs.running import Report


Command = TypeVar("Command", bound=Callable[..., Any])

device_option = click.option(
    "--device", default="auto", show_default=True, metavar="D", help="auto, cpu, cuda, cuda:1, mps; auto prefers a GPU."
)
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="K=V", help="Override a value: section.key=value. Repeatable."
)
strict_option = click.option(
    "--strict", is_flag=True, help="The first damaged shard or picture is an error; else it is left out, and counted."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout instead of text.")

BASE = (
    click.option("--seed", default=0, show_default=True, help="With a picture's content it fixes all that is random."),
    click.option(
        "--tile",
        type=click.IntRange(min=0),
        metavar="PX",
        help="Side of the tiles; 0: whole pictures. [default: by memory]",
    ),
    click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True),
    click.option("--force", is_flag=True, help="Go on with a sampler that does not fit the weights."),
    click.option(
        "--consistency", metavar="METHOD", help="Pull estimates towards the file: cddb, cddb-deep or ddnm[:STRENGTH]."
    ),
)

SETTINGS = (
    click.option(
        "--nfe", type=click.IntRange(min=1), help="Network evaluations a picture. [default: the weights' own]"
    ),
    click.option(
        "--sampler",
        help="A sampler, with options as dbim:order=2,spacing=karras; see plugins list. [default: the weights' own]",
    ),
    click.option("--eta", type=click.FloatRange(0, 1), help="Share of fresh noise, for samplers that have it."),
    click.option(
        "--effort", type=click.Choice(["fast", "balanced", "best"]), help="In place of these: what `tune` found."
    ),
    *BASE,
)

TOLD = (
    click.option(
        "--mask", type=Place(path_type=Path), metavar="PATH",
        help="What is missing, as white: a picture, or a folder of them named like the inputs.",
    ),
    click.option("--mask-color", metavar="COLOR", help='Pixels of this colour are missing, such as "#ff00ff".'),
    click.option(
        "--feather", type=click.IntRange(min=0, max=256), default=0, metavar="PX", show_default=True,
        help="Fade what is restored into the known pixels over so many of them around each hole.",
    ),
    click.option("--kernel", metavar="K", help="The blur, if it is known: uniform:9, gaussian:5:10 or a FILE of it."),
)  # fmt: skip


EXTRAS = (
    click.option("--samples", default=1, show_default=True, type=click.IntRange(min=1), help="Draws a picture."),
    click.option("--spread", is_flag=True, help="Also write the draws' standard deviation at each pixel."),
    click.option("--trajectory", is_flag=True, help="Also write the states from degraded to restored, as a strip."),
)

ENCODING = (
    click.option(
        "--format", type=click.Choice(["png", "jpg", "webp", "tif", "bmp", "avif"]),
        help="Of all outputs. [default: what each name says]",
    ),
    click.option(
        "--jpeg-quality", default=95, show_default=True, type=click.IntRange(1, 100), metavar="N", help="Of .jpg files."
    ),
)  # fmt: skip

EXISTING = (
    click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
    click.option("--skip-existing", is_flag=True, help="Pass over inputs whose outputs all exist."),
)
IN_PLACE = click.option("--in-place", is_flag=True, help="Replace the pictures in IN; there is no OUT then.")

REPORT = (
    click.option(
        "--report", "page", type=Place(path_type=Path), metavar="FILE.html",
        help="Also write a page to see it on: sliders, films, numbers.",
    ),
    click.option(
        "--references", type=Place(path_type=Path), metavar="PATH",
        help="Clean pictures for the report to measure against: one, or a folder of them named like the outputs.",
    ),
)  # fmt: skip


def settings_options(command: Command) -> Command:
    """The options of how to restore, handed on as one: `settings`, the arguments of `restoring.Settings`."""
    return collected(command, "settings", SETTINGS)


def told_options(command: Command) -> Command:
    """The options of what is known of the damage, handed on as one: `told`, arguments of `observing.told_of`."""
    return collected(command, "told", TOLD)


def extras_options(command: Command) -> Command:
    """The options of what is written for each input, as one: `extras`, the arguments of `bulk.files.Extras`."""
    return collected(command, "extras", EXTRAS)


def encoding_options(command: Command) -> Command:
    """The options of how pictures are written, as one: `encoding`, the arguments of `pictures.files.Encoding`."""
    return collected(command, "encoding", ENCODING)


def report_options(command: Command) -> Command:
    """The options of the report, handed on as one: `report`, arguments of `report.plan.plan_report`."""
    return collected(command, "report", REPORT)


def collected(command: Command, name: str, options: Sequence[Callable[..., Any]]) -> Command:
    """A command with these options, whose values come as one mapping, the argument `name`."""

    def bare() -> None:
        """Carries the options, to see what they are called."""

    for option in options:
        option(bare)
    keys = [str(option.name) for option in vars(bare)["__click_params__"]]

    @wraps(command)
    def run(**given: Any) -> Any:
        return command(**{name: {key: given.pop(key) for key in keys}}, **given)

    decorated: Any = run
    for option in reversed(options):
        decorated = option(decorated)
    return cast(Command, decorated)


def deterministic_option(command: Command) -> Command:
    """--deterministic; the command does not see it, and runs within `determinism.deterministic`."""

    @click.option("--deterministic", is_flag=True, help="The same bytes each time; slower: docs/determinism.md.")
    @wraps(command)
    def run(deterministic: bool, **given: Any) -> Any:
        if not deterministic:  # and torch need not be imported
            return command(**given)
        from ..determinism import deterministic as within

        with within(True):
            return command(**given)

    return cast(Command, run)


def examples(*commands: str) -> str:
    """An epilog of command lines, each on a line of its own however long."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Within the block warnings are lines on stderr, each at once and once, however often it is given."""
    said: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        from ..terminal import warn

        line = one_line(message)
        if line not in said:
            said.add(line)
            warn(line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def print_json(value: Any) -> None:
    """One JSON document on stdout; infinity and nan, which JSON has no word for, become null."""
    text = json.dumps(finite(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    click.echo(text.encode("utf-8", "backslashreplace"))  # a file name that is no UTF-8 becomes a \u escape


def existing_options(command: Command) -> Command:
    """What to do where outputs exist, handed on as one: `existing`, the arguments of `policy`."""
    return collected(command, "existing", EXISTING)


def in_place_options(command: Command) -> Command:
    """The same with --in-place."""
    return collected(command, "existing", (IN_PLACE, *EXISTING))


def policy(overwrite: bool, skip_existing: bool, in_place: bool = False) -> Policy:
    """What the flags ask for."""
    if overwrite + skip_existing + in_place > 1:
        flags = "--overwrite, --skip-existing and --in-place" if in_place else "--overwrite and --skip-existing"
        raise click.UsageError(f"{flags} exclude each other")
    if in_place:
        return "in place"
    return "overwrite" if overwrite else "skip" if skip_existing else "refuse"


def finish_jobs(report: Report, as_json: bool) -> int:
    """Print the files written, or all outcomes as JSON; 1 where a file failed, else 0.

    Raises:
        Stopped: a signal cut the work short.
    """
    failed = report.outcomes.failed
    if as_json:
        print_json([outcome.as_dict() for outcome in report.outcomes])
    else:
        for output in report.outcomes.written:
            click.echo(one_line(output) if sys.stdout and sys.stdout.isatty() else os.fsencode(output))
    if failed:
        click.echo(f"{failed} of {len(report.outcomes)} files failed", err=True)
    if report.stopped:
        raise report.stopped
    return 1 if failed else 0
