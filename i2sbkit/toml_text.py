"""TOML's text side: on which line a key stands, and how a document is written back."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

KeyPath = tuple[str, ...]
ENDS = ("]", '"""', "'''")
"""What the last line of a value over several lines holds."""


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) on which each table and key of a valid TOML document begins.

    Statements are grown line by line until they parse, so that values may span lines.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    statement, first = "", 0
    # Not splitlines(): TOML ends lines at \n alone, and its strings may hold other separators.
    for number, line in enumerate(text.split("\n"), 1):
        may_end = not statement or any(end in line for end in ENDS)
        first = first if statement else number
        statement += line + "\n"
        if not may_end:
            continue
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
        rows = [f"{_key(key)} = {_value(value)}" for key, value in values.items() if value is not None]
        sections.append("\n".join([f"[{_key(section)}]", *rows]))
    return "\n\n".join(sections) + "\n"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return _string(value) if isinstance(value, str) else json.dumps(value)  # inf and nan are refused by the recipe


def _string(text: str) -> str:
    """A basic string; JSON's escapes are TOML's, but for the one control character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
