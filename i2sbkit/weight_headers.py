"""Our own header in a file of weights or a state: JSON from a stranger, until each thing in it is of its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import __version__
from .kernel.errors import Error
from .kernel.plugins import PARTS
from .plain import plain_json, short
from .stored import read_contents

FORMAT = 1
KEY = "i2sbkit"
"""Of the text in a file's metadata."""
KINDS: Mapping[str, type | tuple[type, ...]] = {
    "kind": str, "version": str, "step": int, "data": str, "masks": str, "source": str, "restores": bool,
    "licence": (str, type(None)), "metrics": (dict, type(None)), "tuned": dict, "ema_updates": int, "scaler": dict,
}  # fmt: skip
"""What values are, where they are there."""
ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]* (\?|[A-Za-z0-9.+!_-]+)", re.ASCII)
"""A distribution and its version: they are shown as what to give to pip, so they can be nothing else."""


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of one of our files, without reading a tensor.

    What `checkpoint` says of it is there and of its kind: format, recipe with the name of every part, and of the
    others those that it has. The recipe itself is checked where it is used.

    Raises:
        Error: no such file, not safetensors, not ours, damaged, or of a newer format.
    """
    if not path.is_file():
        raise Error(f"{path}: no such weights file; `i2sbkit weights list` shows the bundled ones")
    texts = read_contents(path).texts
    if KEY not in texts:
        raise Error(
            f"{path}: safetensors, but not written by i2sbkit; bring foreign weights in with `i2sbkit weights import`"
        )
    try:
        header = plain_json(texts[KEY])
        newer = _format(header) > FORMAT
        if not newer:
            _check(header)
    except ValueError as error:
        raise Error(f"{path}: its i2sbkit header is damaged ({short(error)}); take another copy of the file") from None
    if newer:
        raise Error(
            f"{path}: format {header['format']} is newer than this i2sbkit {__version__} knows; pip install -U i2sbkit"
        )
    return dict(header)


def _format(header: object) -> int:
    if not isinstance(header, dict):
        raise ValueError("it is no table")
    number = header.get("format")
    if not (type(number) is int and 1 <= number < 1 << 31):
        raise ValueError("it has no format")
    return number


def _check(header: Mapping[str, Any]) -> None:
    """See that each thing in a header is of its kind.

    Raises:
        ValueError: one is not.
    """
    recipe = header.get("recipe")
    if not (isinstance(recipe, dict) and all(isinstance(section, dict) for section in recipe.values())):
        raise ValueError("its recipe is not made of sections")
    if lacking := [kind for kind in PARTS if not _is_part(recipe.get(kind))]:
        raise ValueError(f"its recipe lacks {lacking[0]}.name")
    for key, kind in KINDS.items():
        value = header.get(key)
        if key in header and (not isinstance(value, kind) or (kind is int and type(value) is not int)):
            raise ValueError(f"{key} is {value!r}")
    origins = header.get("plugins", {})
    if not (isinstance(origins, dict) and all(kind in PARTS and _is_origin(origins[kind]) for kind in origins)):
        raise ValueError(f"plugins is {origins!r}")
    efforts = header.get("efforts", {})
    if not (isinstance(efforts, dict) and all(_is_effort(effort) for effort in efforts.values())):
        raise ValueError(f"efforts is {efforts!r}")


def _is_part(table: object) -> bool:
    return isinstance(table, dict) and isinstance(table.get("name"), str)


def _is_origin(text: object) -> bool:
    return isinstance(text, str) and bool(ORIGIN.fullmatch(text))


def _is_effort(effort: object) -> bool:
    return isinstance(effort, dict) and _is_part(effort.get("sampler"))
