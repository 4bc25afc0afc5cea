"""i2sbkit plugins"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import click

from ..kernel.plugins import KINDS, PARTS
from .options import examples, json_option, print_json
from .tables import print_table

if TYPE_CHECKING:
    from ..kernel.registry import Component


@click.group(
    invoke_without_command=True,
    epilog=examples("i2sbkit plugins", "i2sbkit plugins list --kind corruption --json"),
)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List the installed plugins and what they bring."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@plugins.command("list", epilog=examples("i2sbkit plugins list --kind sampler", "i2sbkit plugins list --json"))
@click.option("--kind", type=click.Choice(KINDS), help="Only these.")
@json_option
def list_(kind: str | None = None, as_json: bool = False) -> None:
    """List what plugins bring, with options.

    Plugins that did not load are listed on stderr, with what to type.
    """
    from ..diagnosis import failure_facts, way_out
    from ..kernel.registry import default

    registry = default()
    components = [component for component in registry.components if kind in (None, component.kind)]
    if as_json:
        print_json(
            {"plugins": [_facts(c) for c in components], "failures": [failure_facts(f) for f in registry.failures]}
        )
        return
    print_table(
        ("kind", "name", "from", "options"),
        [(c.kind, c.name, f"{c.distribution} {c.version}", _spelled(c)) for c in components],
    )
    for failure in registry.failures:
        click.echo(f"{failure}\n  {way_out(failure)}", err=True)


def _facts(component: Component) -> dict[str, Any]:
    return {
        "kind": component.kind,
        "name": component.name,
        "plugin": component.plugin,
        "distribution": component.distribution,
        "version": component.version,
        "options": _options(component),
    }


def _options(component: Component) -> dict[str, dict[str, Any]]:
    """Each option with its default, or as required."""
    from ..kernel.registry import options

    if component.kind not in PARTS:
        return {}
    return {
        name: {"required": True} if option.default is inspect.Parameter.empty else {"default": _plain(option.default)}
        for name, option in options(component).items()
    }


def _plain(value: Any) -> Any:
    """A default as JSON has it, or as Python spells it."""
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return repr(value)


def _spelled(component: Component) -> str:
    """The options in one line: those to give first and bare, the others with their defaults."""
    found = _options(component)
    required = [name for name, option in found.items() if "default" not in option]
    return ", ".join([*required, *(f"{name}={o['default']}" for name, o in found.items() if "default" in o)])
