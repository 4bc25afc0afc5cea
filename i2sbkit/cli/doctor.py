"""i2sbkit doctor"""

from collections.abc import Iterator
from typing import Any

import click

from .options import examples, json_option, print_json


@click.command(epilog=examples("i2sbkit doctor", "i2sbkit doctor --json > report.json"))
@json_option
def doctor(as_json: bool) -> None:
    """Describe this installation: what to paste into a bug report."""
    from ..diagnosis import diagnose

    report = diagnose()
    if as_json:
        print_json(report)
        return
    for line in _lines(report):
        click.echo(line)


def _lines(value: Any, indent: str = "") -> Iterator[str]:
    """Nested values as indented lines, `key: value`."""
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield f"{indent}{key}:"
            yield from _lines(item, indent + "  ")
        elif isinstance(item, list) and any(isinstance(each, dict) for each in item):
            yield f"{indent}{key}:"
            for each in item:
                yield f"{indent}  - " + ", ".join(f"{name} {_word(fact)}" for name, fact in each.items())
        else:
            yield f"{indent}{key}: {_word(item)}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "none" if value in (None, "", {}) else str(value)
