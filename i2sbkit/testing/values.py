"""What parts of every kind promise: they are values."""

import dataclasses
import inspect
import pickle
import tomllib
from typing import Any

from ..document.errors import Problems, validate
from ..document.schema import options_model
from ..document.toml_text import to_toml
from ..kernel.plugins import Component


def is_frozen(part: Any) -> str | None:
    """A part is a frozen dataclass, whose fields are its options."""
    kind = type(part)
    if not dataclasses.is_dataclass(kind):
        return f"{kind.__name__} is no dataclass"
    if not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return f"{kind.__name__} is a dataclass that can be changed: write @dataclass(frozen=True)"
    return None


def types_its_options(part: Any) -> str | None:
    """What its class sets has a type, as an option must have, or is the interface's."""
    typed = {name for kind in type(part).__mro__ for name in inspect.get_annotations(kind)}
    known = typed | set(dir(_interface(part)))
    for name, value in vars(type(part)).items():
        if not (name in known or name.startswith("_") or callable(value) or hasattr(value, "__get__")):
            return f"{name} = {value!r} is no option: write {name}: {type(value).__name__} = {value!r}"
    return None


def survives_toml(part: Any) -> str | None:
    """Its options survive a recipe: written as TOML and read again they make an equal part."""
    options = {field.name: getattr(part, field.name) for field in dataclasses.fields(part) if field.init}
    component = Component(_kind(part), type(part).__name__, type(part), type(part).__module__, "the part", "tried")
    read = tomllib.loads(to_toml({"part": options}))["part"]
    problems = Problems(lambda keys: "")
    values = validate(("part",), options_model(component), read, problems)
    problems.raise_any("its options")
    again = type(part)(**{name: getattr(values, name) for name in options})
    return None if again == part else f"{part} became {again}"


def survives_pickling(part: Any) -> str | None:
    """It can be pickled, as it is copied into the processes that read data, and the copy is equal to it."""
    again = pickle.loads(pickle.dumps(part))
    return None if again == part else f"{part} became {again}"


def _kind(part: Any) -> str:
    return _interface(part).__name__.lower()


def _interface(part: Any) -> type:
    return next(base for base in type(part).__mro__ if base.__module__.endswith(".interfaces"))


VALUE = (is_frozen, types_its_options, survives_toml, survives_pickling)
"""Checks of any part."""
