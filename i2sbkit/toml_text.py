"""TOML's text side: on which line a key stands, and how a document is written back."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

KeyPath = tuple[str, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) on which each table and key of a valid TOML document begins.

    Statements are grown line by line until they parse, so that values may span lines.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    statement, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first if statement else number
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        path = _first_path(parsed)
        if statement.lstrip().startswith("["):
            table = path
        else:
            path = table + path
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], first)
        statement = ""
    return lines


def _first_path(parsed: Any) -> KeyPath:
    """The dotted path that a document of one statement spells."""
    path: KeyPath = ()
    while isinstance(parsed, dict) and len(parsed) == 1:
        key, parsed = next(iter(parsed.items()))
        path += (key,)
    return path


def to_toml(document: Mapping[str, Mapping[str, Any]]) -> str:
    """A document of flat sections as TOML; keys whose value is None are left out."""
    sections = []
    for section, values in document.items():
        rows = [f"{key} = {_value(value)}" for key, value in values.items() if value is not None]
        sections.append("\n".join([f"[{section}]", *rows]))
    return "\n\n".join(sections) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)  # numbers and booleans are spelt alike; inf and nan are refused by the recipe
