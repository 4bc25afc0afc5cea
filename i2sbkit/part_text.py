"""A part in one word, for command lines: `jpeg:quality=10`, `blur:kernel=uniform,size=9`."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from .document.toml_text import toml_value
from .kernel.errors import Error
from .recipe import build_part

NAME_AND_OPTIONS = re.compile(r"([^=]*?)(?::([^:=]+=.*))?", re.DOTALL)
"""A name may hold a colon itself, as in `distribution:name`."""


def part_of(kind: str, text: str) -> tuple[Any, dict[str, Any]]:
    """The part that a text describes, and its table as a recipe has it.

    Args:
        text: its name, and behind a colon its options, each NAME=VALUE with a TOML value or a plain word.

    Raises:
        Error: it is written otherwise, or is no such part.
    """
    table = table_of(kind, text)
    try:
        return build_part(kind, table), table
    except Error as error:
        raise Error(f"{kind} {text!r}: {error}") from None


def table_of(kind: str, text: str) -> dict[str, Any]:
    """Its name and the options that are given, whether or not there is such a part.

    Raises:
        Error: it is written otherwise.
    """
    found = NAME_AND_OPTIONS.fullmatch(text)
    options = [option.partition("=") for option in _split(found[2])] if found and found[2] else []
    if not found or any(not (key.strip() and equals) for key, equals, _ in options):
        raise Error(f"{kind} {text!r}: write it as NAME or NAME:option=value,option=value")
    named = [("name", found[1]), *((key.strip(), toml_value(value.strip())) for key, _, value in options)]
    if twice := [key for key, times in Counter(key for key, _ in named).items() if times > 1]:
        raise Error(f"{kind} {text!r}: {', '.join(twice)} is given twice; give it once")
    return dict(named)


def _split(text: str) -> list[str]:
    """At commas that are in no bracket, so that a range, [3, 13], stays whole."""
    pieces, depth = [""], 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        if sign == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += sign
    return pieces
