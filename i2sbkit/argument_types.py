"""Values of a wrong type, told where they are given."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Any, cast, get_args, get_type_hints

from .kernel.errors import Error

WIDER: dict[Any, type] = {int: Integral, float: Real}
"""What counts as a number of Python's: numpy's too, and a whole one as any."""


def check_types(values: object) -> None:
    """See that each field of a dataclass holds what it is annotated with, a type or several (`int | None`).

    Raises:
        Error: one does not.
    """
    for name, annotated in get_type_hints(type(values)).items():
        kinds, given = get_args(annotated) or (annotated,), getattr(values, name)
        if not isinstance(given, tuple(WIDER.get(kind, kind) for kind in kinds)):
            wanted = " or ".join("None" if kind is NoneType else kind.__name__ for kind in kinds)
            raise Error(f"{name} must be {wanted}, got {given!r}")


def path_of(given: object, what: str) -> Path:
    """A path from a text or a path; an empty text is none, as it would be the current folder.

    Raises:
        Error: it is neither; `what` says what it is for.
    """
    if isinstance(given, str | PathLike) and str(given):
        return Path(given)
    raise Error(f"{what}, got {given!r}")


def described(value: object) -> str:
    """The type of a value, and of an array or tensor its dtype and shape."""
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (
        f" {getattr(value, 'dtype', '')} {tuple(cast(Sequence[int], shape))}" if shape is not None else ""
    )
