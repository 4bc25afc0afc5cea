"""The options of a part as a table, from its class: names and defaults from the fields, meanings from its docstring."""

import inspect
import re
from typing import Any

from help_text import plain

from i2sbkit.kernel import registry

ENTRY = re.compile(r"^    ((?:\w+, )*\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)
SECTION = re.compile(r"^(?:Args|Attributes):\n((?:    .*\n?|\n)*)", re.MULTILINE)


def options_table(kind: str, name: str) -> str:
    """Markdown, one row an option.

    Raises:
        i2sbkit.Error: no such part.
        ValueError: a docstring that does not say what an option means.
    """
    component = registry.default().get(kind, name)
    known = registry.options(component)
    if not known:
        return "It has no options.\n"
    said = meanings(component.factory)
    if missing := known.keys() - said.keys():
        raise ValueError(f"{kind} {name}: its docstring does not say what these are: {', '.join(sorted(missing))}")
    rows = [f"| `{option}` | {_default(known[option])} | {plain(said[option])} |" for option in known]
    return "\n".join(["| option | default | |", "| --- | --- | --- |", *rows]) + "\n"


def meanings(factory: Any) -> dict[str, str]:
    """What the docstring of a class, and those of the classes it is made from, say of each option."""
    found: dict[str, str] = {}
    for each in reversed(inspect.getmro(factory)):
        for section in SECTION.findall(inspect.cleandoc(each.__doc__ or "")):
            for names, text in ENTRY.findall(section):
                if not text.startswith("see `"):
                    found.update(dict.fromkeys(names.split(", "), " ".join(text.split())))
    return found


def _default(option: inspect.Parameter) -> str:
    if option.default is option.empty:
        return "needed"
    value = list(option.default) if isinstance(option.default, tuple) else option.default
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
