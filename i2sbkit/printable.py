"""Names, parts of recipes and numbers as text that stays on its line, and as JSON."""

from __future__ import annotations

import math
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


def finite(value: Any) -> Any:
    """A JSON value with null for infinity and nan, which JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
