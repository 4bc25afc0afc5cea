"""All that is wrong with a recipe, told at once, each with its place and a suggestion."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..kernel.errors import Error
from ..kernel.plugins import did_you_mean
from ..plain import short
from ..printable import one_line
from .toml_text import KeyPath

MOST = 100
"""Problems that are looked for; whoever has more has another kind of file."""
Where = Callable[[KeyPath], str]
T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


class Problems:
    """Collects messages of the form `place: section.key: what`."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._lines: list[str] = []

    def add(self, keys: KeyPath, what: str) -> None:
        """Note that `what` is wrong at `keys`."""
        first, *others = what.split("\n")  # others: the plugins that did not load
        lines = [f"{self._where(keys)}: {one_line('.'.join(keys))}: {first}", *others]
        self._lines.append("\n".join(map(short, lines)))

    def attempt(self, keys: KeyPath, action: Callable[[], T]) -> T | None:
        """The action's result, or None with its `Error` noted."""
        try:
            return action()
        except Error as error:
            self.add(keys, str(error))
            return None

    def check_names(self, at: KeyPath, given: Iterable[str], known: Iterable[str], what: str) -> None:
        """Note each name that is not known, with the closest one that is."""
        known = list(known)
        for name in given:
            if name not in known and len(self._lines) < MOST:
                self.add((*at, name), f"unknown {what}{suggestion(name, known)}")

    def raise_any(self, part: str | None = None) -> None:
        """Raise an `Error` of everything noted, if there is anything: as lines, or as one line on a `part`."""
        if self._lines and part:
            raise Error("; ".join(line.removeprefix(": ") for line in self._lines))
        if self._lines:
            count = f"{len(self._lines)} error{'s' if len(self._lines) > 1 else ''} in the recipe"
            raise Error("\n".join([*self._lines, count]))


def suggestion(name: str, known: Iterable[str]) -> str:
    """'; did you mean ...', or what there is where nothing is close."""
    known = list(known)
    return did_you_mean(name, known) or f" (there are: {', '.join(known) or 'none'})"


def validate(at: KeyPath, model: type[Model], values: Any, problems: Problems) -> Model | None:
    """`values` as an instance of `model`, or None with each thing that is wrong noted.

    Validated as JSON: there lists are good tuples, while "4" is no number and 1 no boolean.
    """
    if not isinstance(values, dict):
        problems.add(at, f"must be a section, [{'.'.join(at)}]")
        return None
    try:
        return model.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        _note(at, model, values, error, problems)
        return None


def _note(at: KeyPath, model: type[BaseModel], values: Any, error: ValidationError, problems: Problems) -> None:
    """Note pydantic's errors: those on one key as one, as they are the branches of a union."""
    wrong: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        key = str(detail["loc"][0])
        if detail["type"] == "extra_forbidden":
            problems.check_names(at, [key], model.model_fields, what="key")
        elif detail["type"] == "missing" and len(detail["loc"]) == 1:
            problems.add((*at, key), "is required")
        else:
            wrong.setdefault(key, []).append(detail)
    for key, details in wrong.items():
        items = {_item(detail): detail for detail in reversed(details) if _item(detail)}
        for item, detail in sorted(items.items()):  # a list, as it should be: other branches of the union do not count
            problems.add((*at, key), f"item {item} {_wish([detail], detail['input'])}")
        if not items:
            problems.add((*at, key), _wish(details, values[key]))


def _item(detail: ErrorDetails) -> int:
    """Which item of a list is wrong, from 1; 0 where it is none."""
    return next((step + 1 for step in detail["loc"] if isinstance(step, int)), 0)


WISHES = {
    "int_type": "an integer",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
}


def _wish(details: list[ErrorDetails], value: Any) -> str:
    """What should have come, and what did."""
    if details[0]["type"] == "missing":
        return "is missing"
    wanted = [
        f"a list of at most {detail['ctx']['max_length']}"
        if detail["type"] == "too_long"
        else WISHES.get(detail["type"], detail["msg"].removeprefix("Input should be "))
        for detail in details
    ]
    return short(f"must be {' or '.join(dict.fromkeys(wanted))}, got {json.dumps(value, default=str)}")
