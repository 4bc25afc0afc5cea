"""What others build on, a line each: names of Python, options of parts, words of the command line.

    python scripts/public_api.py             print it
    python scripts/public_api.py --write     renew tests/golden/api.txt, where CHANGELOG.md names all that changed

docs/stability.md says what is promised of it.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import i2sbkit
from i2sbkit.cli import main as program
from i2sbkit.kernel import hookspecs, registry

ROOT = Path(__file__).parent.parent
SNAPSHOT, CHANGELOG = ROOT / "tests/golden/api.txt", ROOT / "CHANGELOG.md"
MODULES: dict[str, list[str]] = {
    "i2sbkit.kernel.algorithms": [],
    "i2sbkit.kernel.registry": [],
    "i2sbkit.memory": ["keep_freed_memory"],
    "i2sbkit.metrics": [],
    "i2sbkit.testing": [],
}
"""Public beside `i2sbkit` itself: all of a module, or these names of it."""
HEADING = "### Interfaces"


def public_api() -> dict[str, str]:
    """Name -> signature or value, as the source has it; sorted."""
    found = dict(_module("i2sbkit", i2sbkit.__all__))
    for name, names in MODULES.items():
        module = import_module(name)
        found |= _module(name, names or getattr(module, "__all__", None) or _functions(module))
    found |= {f"hook {name}": "()" for name in _functions(hookspecs)}
    found |= {f"{part.kind} {part.name}": _options(part) for part in registry.default().components if _is_ours(part)}
    found |= _commands(program, "")
    return dict(sorted(found.items()))


def _is_ours(part: registry.Component) -> bool:
    return part.distribution == "i2sbkit"


def _functions(module: Any) -> list[str]:
    """The public functions that a module defines."""
    own = inspect.getmembers(module, lambda value: inspect.isfunction(value) and value.__module__ == module.__name__)
    return [name for name, _ in own if not name.startswith("_")]


def _module(home: str, names: list[str]) -> Iterator[tuple[str, str]]:
    module = import_module(home)
    for name in names:
        value = inspect.unwrap(getattr(module, name))
        if isinstance(value, type):
            yield from _class(f"{home}.{name}", value)
        elif inspect.isfunction(value):
            yield f"{home}.{name}", _signature(_parsed(value))
        elif name != "__version__":
            says_nothing = inspect.ismodule(value) or " at 0x" in repr(value)
            yield f"{home}.{name}", type(value).__name__ if says_nothing else str(value)


def _class(path: str, value: type) -> Iterator[tuple[str, str]]:
    """The class with its bases, and what it holds: fields, methods, properties."""
    tree = _parsed(value)
    yield path, f"({', '.join(ast.unparse(base) for base in tree.bases)})"
    for node in tree.body:
        name = node.target.id if isinstance(node, ast.AnnAssign) else getattr(node, "name", "_")
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(node, ast.AnnAssign):
            yield f"{path}.{name}", _field(node)
        elif isinstance(node, ast.FunctionDef):
            marks = [word for each in node.decorator_list if "property" in (word := ast.unparse(each))]
            yield f"{path}.{name}", " ".join([*marks, _signature(node)])


def _parsed(value: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]


def _signature(node: Any) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"


def _field(node: ast.AnnAssign) -> str:
    return ast.unparse(node.annotation) + (f" = {ast.unparse(node.value)}" if node.value else "")


def _options(part: registry.Component) -> str:
    """The options of a part with their types; those it inherits too."""
    fields: dict[str, str] = {}
    classes = part.factory.__mro__ if isinstance(part.factory, type) else ()
    for each in reversed([cls for cls in classes if cls.__module__ != "builtins" and "abc" not in cls.__module__]):
        nodes = [node for node in _parsed(each).body if isinstance(node, ast.AnnAssign)]
        fields |= {node.target.id: _field(node) for node in nodes if isinstance(node.target, ast.Name)}
    return "(" + ", ".join(f"{name}: {fields.get(name, '')}" for name in registry.options(part)) + ")"


def _commands(group: click.Group, path: str) -> dict[str, str]:
    """Each command's arguments and options, and what kind of value they take."""
    found = {}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None, name
        for parameter in command.params:
            words = [word for word in parameter.opts if word.startswith("--")]
            named = words[0] if words else parameter.make_metavar(click.Context(command)).strip("[].")
            found[f"{path}{name} {named}"] = _takes(parameter)
        if isinstance(command, click.Group):
            found |= _commands(command, f"{path}{name} ")
    return found


def _takes(parameter: click.Parameter) -> str:
    kind = "flag" if getattr(parameter, "is_flag", False) else parameter.type.name
    choices = getattr(parameter.type, "choices", ())
    many = parameter.multiple or parameter.nargs != 1
    marks = ["|".join(map(str, choices)) or kind, "required" * parameter.required, "several" * many]
    return " ".join(filter(None, marks))


def unnamed(old: Mapping[str, str], new: Mapping[str, str], changelog: str) -> list[str]:
    """What changed and is named, in backticks, by no line below "### Interfaces" of the changelog's first section."""
    section = re.split(r"^## .*$", changelog, flags=re.MULTILINE)[1]
    lines = re.findall(rf"^{HEADING}$(.*?)(?=^### |\Z)", section, re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"`([^`]+)`", "".join(lines)))
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    was, now = (lambda name: old.get(name, "not there")), (lambda name: new.get(name, "gone"))
    return [f"{name}\n    was {was(name)}\n    is  {now(name)}" for name in changed if name not in named]


def read(text: str) -> dict[str, str]:
    """The lines of a snapshot."""
    return dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith("#"))


def written(api: Mapping[str, str], changelog: str) -> str:
    """A snapshot."""
    head = f"# The public interface of i2sbkit, {released(changelog)}. Made by: python scripts/public_api.py --write\n"
    return head + "".join(f"{name}: {value}\n" for name, value in api.items())


def released(changelog: str) -> str:
    """The newest version that the changelog names; until there is one, that there is none."""
    return next(iter(re.findall(r"^## \[?(\d[\w.]*)", changelog, re.MULTILINE)), "not released yet")


def main(write: bool, say: Callable[[str], object] = print) -> int:
    api, changelog = public_api(), CHANGELOG.read_text("utf-8")
    text = written(api, changelog)
    if not write:
        say(text.rstrip("\n"))
        return 0
    missing = unnamed(read(SNAPSHOT.read_text("utf-8")), api, changelog) if SNAPSHOT.is_file() else []
    if missing:
        say(f'name these below "{HEADING}" at the top of CHANGELOG.md first, in backticks:\n' + "\n".join(missing))
        return 1
    SNAPSHOT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
