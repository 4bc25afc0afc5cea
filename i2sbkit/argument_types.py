"""Values of a wrong type, told where they are given."""

from __future__ import annotations

from numbers import Integral, Real
from types import NoneType
from typing import Any, get_args, get_type_hints

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
