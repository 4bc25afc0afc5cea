"""Options of the commands that measure: what on, and what is measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import BASE, Command, collected, device_option
from .places import Place
from .which_weights import SOURCE, named

if TYPE_CHECKING:
    from ..api import Model


class Listed(click.ParamType[tuple[Any, ...]]):
    """Values of a type, with commas between them; an option of a part, NAME=VALUE, goes with the part before it."""

    def __init__(self, each: click.ParamType[Any]) -> None:
        self.each, self.name = each, f"{each.name},..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        texts = [text.strip() for text in re.split(r",(?!\s*\w+\s*=)", str(value)) if text.strip()]
        if not texts:
            self.fail("is empty; leave it out for the default", param, ctx)
        return tuple(dict.fromkeys(self.each.convert(text, param, ctx) for text in texts))


class Part(click.ParamType[tuple[int, int]]):
    """One part of several, such as 2/8."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        number, _, of = str(value).partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            self.fail(f"{value!r}: write which part of how many, from 1/8 to 8/8", param, ctx)
        return int(number), int(of)


NFES = Listed(click.IntRange(min=1))
ETAS = Listed(click.FloatRange(0, 1))
NAMES = Listed(click.STRING)

MODEL = (*SOURCE, device_option)

CASES = (
    click.option(
        "--data", multiple=True, required=True, metavar="SHARDS_OR_DIR",
        help="Clean photographs, damaged as the weights' recipe says; or pairs, for weights of pairs. Repeatable.",
    ),
    click.option(
        "--corruption", metavar="PART", help="Damage instead as this: jpeg:quality=10, blur:kernel=uniform,size=9."
    ),
    click.option(
        "--size", type=click.IntRange(min=0), metavar="PX",
        help="Side of the squares cut from the middle; 0: whole photographs. [default: the recipe's data.val_size]",
    ),
    click.option("--subset", type=Place(path_type=Path), metavar="FILE", help="Names of the photographs that count."),
    click.option("--count", type=click.IntRange(min=1), metavar="N", help="At most so many, the first ones."),
    click.option("--told", is_flag=True, help="Tell the restoration what the damage drew, as --kernel does."),
    click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Pictures at a time."),
)  # fmt: skip

COLUMNS = (
    click.option(
        "--metrics", type=NAMES, metavar="NAME,...",
        help="Columns; docs/metrics.md has them. [default: psnr_rgb,ssim_rgb,psnr_y,ssim_y]",
    ),
    click.option(
        "--features", multiple=True, type=Place(path_type=Path), metavar="FILE",
        help="A network for percep_STEM, frechet_STEM and so on. Repeatable.",
    ),
    click.option(
        "--reference", multiple=True, metavar="SHARDS_OR_DIR",
        help="Clean pictures that sets are held against. [default: those of --data]",
    ),
    click.option("--samples", type=click.IntRange(min=1), default=1, show_default=True, help="Draws a picture."),
)  # fmt: skip

ARMS = (
    click.option(
        "--nfe", "nfes", type=NFES, metavar="N,...",
        help="Network evaluations. [default: the weights' own; of tune 1,2,3,5,10]",
    ),
    click.option(
        "--sampler", "samplers", type=NAMES, metavar="S,...",
        help="Samplers, with options as dbim:order=2,spacing=karras. [default: the weights' own; of tune all that fit]",
    ),
    click.option("--eta", "etas", type=ETAS, metavar="E,...", help="For those of the samplers that have it."),
)  # fmt: skip

KEPT = (
    click.option("--out", type=Place(path_type=Path), metavar="DIR", help="Keep each picture's numbers; go on there."),
    click.option("--part", type=Part(), default="1/1", metavar="I/N", help="Only this part; the last one adds all up."),
    click.option(
        "--against", "other", type=Place(path_type=Path), metavar="DIR", help="Compare with another one's --out."
    ),
)


def model_options(command: Command) -> Command:
    """The options of which weights, and where they work, handed on as one: `model`, arguments of `loaded`."""
    return collected(command, "model", MODEL)


def loaded(task: str | None, weights: Path | None, device: str) -> Model:
    """The model that the options name."""
    source = named(task, weights)
    from ..api import load

    return load(source, device)


def cases_options(command: Command) -> Command:
    """The options of what is measured on, handed on as one: `cases`, fields of `evaluating.planning.Wanted`."""
    return collected(command, "cases", CASES)


def columns_options(command: Command) -> Command:
    """The options of what is measured, handed on as one: `columns`, fields of `evaluating.planning.Wanted`."""
    return collected(command, "columns", COLUMNS)


def arms_options(command: Command) -> Command:
    """The options of how is restored, handed on as one: `arms`, fields of `evaluating.planning.Wanted`."""
    return collected(command, "arms", ARMS)


def base_options(command: Command) -> Command:
    """The options that all arms share, handed on as one: `base`, fields of `restoring.Settings`."""
    return collected(command, "base", BASE)


def kept_options(command: Command) -> Command:
    """The options of where numbers are kept, handed on as one: `kept`, arguments of `evaluating.opening.opened`."""
    return collected(command, "kept", KEPT)


def given(*groups: dict[str, Any]) -> dict[str, Any]:
    """All of these but what was left out, which then is as by default."""
    return {key: value for group in groups for key, value in group.items() if value not in (None, ())}
