"""Names, and parts of recipes, as text that stays on its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def one_line(text: object) -> str:
    """A text with line breaks, control characters and what is no Unicode as escapes.

    So a file's name can neither break a message into two nor drive the terminal that shows it.
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in str(text))


def spell(part: Mapping[str, Any]) -> str:
    """A part of a recipe as it reads in a table: name(option=value, ...)."""
    options = ", ".join(f"{key}={value}" for key, value in part.items() if key != "name" and value is not None)
    return f"{part['name']}({options})" if options else str(part["name"])
