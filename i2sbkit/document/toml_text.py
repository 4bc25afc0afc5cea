"""TOML's text side: reading a file, on which line a key stands, and how a document is written back."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..kernel.errors import Error
from ..plain import check_plain, short

KeyPath = tuple[str, ...]
LARGEST = 1 << 20
"""Bytes of a file that is read; the recipes that come with i2sbkit have two thousand."""
TOKEN = re.compile(
    r'''#[^\n]*|"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[][{}\n]''', re.DOTALL
)
"""Comments and strings, which may hold any of the others; brackets; the ends of lines."""


def read_document(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a recipe, and what it says.

    Raises:
        Error: it cannot be read, is larger than any recipe, or is not TOML; with the line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes, which no recipe has")
        text = data.decode("utf-8").replace("\r\n", "\n")
        document = tomllib.loads(text)
        check_plain(document)
        return text, document
    except OSError as error:
        raise Error(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else short(error)
        line = re.search(r"at line (\d+)", what)
        raise Error(f"{path}{f':{line[1]}' if line else ''}: not valid TOML: {what}") from None


def toml_value(text: str) -> Any:
    """The one value that a text is in TOML; a text that is none, such as a plain word, stands for itself."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return found["value"] if len(found) == 1 else text


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) on which each table and key of a valid TOML document begins."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(text):
        path = _first_path(tomllib.loads(statement))
        if statement.lstrip().startswith("["):
            table = path
        else:
            path = table + path
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line on which it begins: lines, and such as belong together by brackets and quotes."""
    begin = depth = 0
    number = first = 1
    for token in TOKEN.finditer(text + "\n"):
        sign = token[0]
        depth += (sign in ("[", "{")) - (sign in ("]", "}"))
        number += sign.count("\n")
        if sign == "\n" and depth == 0:
            yield first, text[begin : token.end()]
            begin, first = token.end(), number


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
