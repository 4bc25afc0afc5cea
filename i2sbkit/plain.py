"""What strangers wrote: values that hold no more than they should, and texts that can be shown in a line."""

from __future__ import annotations

import json
import math
from typing import Any

from .printable import one_line

DEEPEST = 32
"""Lists and tables within each other; a recipe of a mixture has five."""
MOST = 1_000_000
"""Values of a text; a file of a thousand tensors has ten thousand."""
LONGEST = 1000
"""Signs of a message in which something is quoted."""


def short(said: object) -> str:
    """A text in one line, and cut where it is long."""
    text = one_line(str(said)[: LONGEST + 1])
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def plain_json(text: str) -> Any:
    """A JSON value.

    Raises:
        ValueError: it is none; a key comes twice; a number is not finite; it has more than `MOST` values; or it is not
            plain, see `check_plain`.
    """
    if text.count(",") > MOST:
        raise ValueError(f"more than {MOST} values")
    try:
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None
    check_plain(value)
    return value


def check_plain(value: object) -> None:
    """See that lists and tables lie at most `DEEPEST` deep, so that what goes through them ends, and texts are Unicode.

    Raises:
        ValueError: they do not.
    """
    level = [value]
    for _ in range(DEEPEST):
        for each in level:
            if isinstance(each, str):
                each.encode("utf-8")  # JSON can spell half a sign, which nothing could print
        level = [part for each in level for part in _parts(each)]
        if not level:
            return
    raise ValueError("nested too deep")


def _parts(value: object) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key that comes twice")
    return table


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"a number that is not finite, {number[:20]}")
    return value
