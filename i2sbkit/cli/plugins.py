"""i2sbkit plugins"""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..kernel.plugins import KINDS, PARTS
from ..printable import one_line
from .options import examples, json_option, print_json
from .tables import print_table

if TYPE_CHECKING:
    from ..kernel.registry import Component
    from ..plugin_checks import Found


@click.group(
    invoke_without_command=True,
    epilog=examples("i2sbkit plugins", "i2sbkit plugins list --kind corruption --json"),
)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List the installed plugins, check them, begin one of your own."""
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


@plugins.command(
    epilog=examples(
        "i2sbkit plugins check i2sbkit-fog", "i2sbkit plugins check jpeg:quality=10 recipes/fog.toml --json"
    )
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--kind", type=click.Choice(PARTS), help="Only these.")
@json_option
def check(names: tuple[str, ...], kind: str | None, as_json: bool) -> int:
    """See that parts keep what their interfaces promise.

    NAME is a distribution, a plugin, a part, with options where it needs some (jpeg:quality=10), or the .toml file of a
    recipe, for the parts in it. The same as i2sbkit.testing in a plugin's own tests. Exit code 1 where a promise is
    broken or could not be checked.
    """
    from ..plugin_checks import check_plugins

    findings = []
    for finding in check_plugins(names, kind):
        findings.append(finding)
        if not as_json:
            click.echo("\n".join(map(one_line, _told(finding))))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    failed = sum(finding.problem is not None for finding in findings)
    if failed:
        click.echo(f"{failed} of {len(findings)} parts failed", err=True)
    return 1 if failed else 0


@plugins.command(
    epilog=examples(
        "i2sbkit plugins new i2sbkit-rain --kind corruption", "i2sbkit plugins new my-bridge --kind schedule"
    )
)
@click.argument("name")
@click.option("--kind", type=click.Choice(PARTS), required=True, help="Of the part that it brings.")
def new(name: str, kind: str) -> None:
    """Write a plugin to begin with, in a folder NAME.

    A distribution with one part that works: its module, a recipe, tests that pass, a README. It prints the folder.
    """
    from ..scaffolding import new_plugin

    folder = new_plugin(name, kind, Path())
    click.echo(folder)
    click.echo(f"now: pip install -e {folder} pytest && pytest {folder}, and make it yours", err=True)


def _told(finding: Found) -> list[str]:
    """What was found of a part, in lines."""
    named = f"{finding.kind} {finding.part} ({finding.origin})"
    if finding.problem is None:
        return [f"{named}: keeps what it promises"]
    if finding.promise is None:
        return [f"{named}: {finding.problem}"]
    return [
        f"{named}: breaks a promise",
        f"  {finding.promise}",
        f"  found: {finding.problem}",
        f"  see: {finding.page}",
    ]


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
