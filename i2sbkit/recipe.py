"""Recipes: a TOML file, validated as a whole, and the parts it names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic_core import PydanticSerializationError

from . import shipped
from .argument_types import path_of
from .document.checks import check_damage, try_damage
from .document.errors import Problems, Where, validate
from .document.schema import SECTIONS, BridgeSection, DataSection, LogSection, TrainSection, options_model
from .document.toml_text import KeyPath, key_lines, read_document, to_toml, toml_value
from .kernel import registry as plugins
from .kernel.bridge import Bridge
from .kernel.errors import Error
from .kernel.interfaces import Backbone, Corruption, Sampler
from .kernel.plugins import PARTS, did_you_mean
from .sources.piped import PIPE
from .sources.remote import URL

PATHS = {("data", "train"), ("data", "val"), ("data", "masks"), ("train", "init")}
"""Keys whose values are paths: relative to their recipe, or where `--set` gives them to the current folder."""


@dataclass(frozen=True)
class Parts:
    """What a recipe composes."""

    corruption: Corruption
    bridge: Bridge
    backbone: Backbone
    sampler: Sampler


@dataclass(frozen=True)
class Recipe:
    """A validated recipe.

    Attributes:
        document: all sections with every default filled in, as JSON values; parts as their name and options.
        origins: the distribution and version that each part came with, such as "i2sbkit-fog 0.1".
        base: the folder that relative paths in it start from.
    """

    document: Mapping[str, Mapping[str, Any]]
    parts: Parts
    bridge: BridgeSection
    data: DataSection
    train: TrainSection
    log: LogSection
    origins: Mapping[str, str]
    base: Path
    name: str

    def paths(self, which: Literal["train", "val", "masks"]) -> list[str]:
        """`data.train`, `data.val` or `data.masks` as absolute paths or patterns; empty where it names none."""
        given = getattr(self.data, which) or ()
        return [str(absolute(path, self.base)) for path in ((given,) if isinstance(given, str) else given)]

    def to_toml(self) -> str:
        """The resolved recipe, its paths absolute: complete in itself, wherever it is put."""
        data = dict(self.document["data"], train=self.paths("train"), val=self.paths("val"))
        data["masks"] = next(iter(self.paths("masks")), None)
        init = self.train.init and str(self.base / self.train.init)
        return to_toml({**self.document, "data": data, "train": dict(self.document["train"], init=init)})


def load_recipe(source: str | Path, overrides: Iterable[str] = (), registry: plugins.Registry | None = None) -> Recipe:
    """Read a recipe file, or a shipped recipe by its name.

    Args:
        overrides: "section.key=value", the value as TOML; what is no TOML value is taken as text. Paths among them
            start from the current folder.

    Raises:
        Error: everything that is wrong with it, a line each, as `file:line: section.key: what; did you mean`.
    """
    path = find_recipe(source)
    text, document = read_document(path)
    lines, changed = key_lines(text), apply_overrides(document, overrides)

    def where(keys: KeyPath) -> str:
        ways = [keys[:depth] for depth in range(len(keys), 0, -1)]
        known = next((lines[way] for way in ways if way in lines), None)
        set_alone = known is None and any(way[:1] == keys[:1] for way in changed)
        return "--set" if keys[:2] in changed or set_alone else f"{path}:{known}" if known else str(path)

    recipe = from_document(document, where, base=path.parent.absolute(), name=path.stem, registry=registry)
    problems = Problems(where)
    try_damage(recipe.parts.corruption, recipe.data, problems)
    problems.raise_any()
    return recipe


def from_document(
    document: Mapping[str, Any],
    where: Where,
    *,
    base: Path,
    name: str,
    registry: plugins.Registry | None = None,
) -> Recipe:
    """A recipe from its parsed document; `where` says of a key path where it stands, for messages.

    Raises:
        Error: everything that is wrong with it, a line each.
    """
    registry = registry or plugins.default()
    problems = Problems(where)
    problems.check_names((), document, [*PARTS, *SECTIONS], what="section")
    parts, options = {}, {}
    for kind in PARTS:
        parts[kind], options[kind] = _part(kind, document.get(kind), registry, problems)
    sections: dict[str, Any] = {
        key: validate((key,), model, document.get(key, {}), problems) for key, model in SECTIONS.items()
    }
    for logger in getattr(sections["log"], "loggers", ()):
        problems.attempt(("log", "loggers"), partial(registry.get, "logger", logger))
    if parts["backbone"] and sections["data"]:
        _check_size(parts["backbone"], sections["data"].size, problems)
    if parts["corruption"] and sections["data"]:
        check_damage(parts["corruption"], sections["data"], problems)
    bridge = _bridge(parts["schedule"], sections["bridge"], problems)
    problems.raise_any()
    found = {kind: registry.get(kind, options[kind]["name"]) for kind in PARTS}
    return Recipe(
        document={**options, **{key: json.loads(value.model_dump_json()) for key, value in sections.items()}},
        parts=Parts(
            parts["corruption"],
            bridge,
            parts["backbone"],
            parts["sampler"],
        ),
        origins={kind: f"{component.distribution} {component.version}" for kind, component in found.items()},
        base=base,
        name=name,
        **sections,
    )


def _bridge(schedule: Any, section: Any, problems: Problems) -> Any:
    """The bridge of a schedule, where there is one, with what does not go with it noted."""
    if not schedule or not section:
        return None
    bridge = Bridge(schedule, section.ot_ode, section.add_x1_noise)
    problems.attempt(("bridge",), partial(bridge.check_conditions, section.cond_x1))
    return bridge


def _part(kind: str, table: Any, registry: plugins.Registry, problems: Problems) -> tuple[Any, dict[str, Any]]:
    """Build what a section names: the part, and its name with every option."""
    part, options = _built(kind, {} if table is None else table, registry, problems)
    try:
        return part, {"name": table["name"], **json.loads(options.model_dump_json())} if options else {}
    except PydanticSerializationError as error:
        problems.add((kind,), f"has an option that no recipe can hold ({error})")
        return None, {}


def _built(kind: str, table: Any, registry: plugins.Registry, problems: Problems) -> tuple[Any, Any]:
    """The part that a table names, and its options; None and None with what is wrong noted."""
    if not isinstance(table, dict):
        problems.add((kind,), f"must be a section, [{kind}], and only one")
        return None, None
    if not isinstance(table.get("name"), str):
        problems.add((kind,), f'needs a name: name = "..." (there are: {", ".join(registry.names(kind))})')
        return None, None
    component = problems.attempt((kind, "name"), lambda: registry.get(kind, table["name"]))
    if component is None:
        return None, None
    given = {key: value for key, value in table.items() if key != "name"}
    model = problems.attempt((kind, "name"), lambda: options_model(component))
    options = validate((kind,), model, given, problems) if model else None
    if options is None:
        return None, None
    values = {key: getattr(options, key) for key in type(options).model_fields}
    return problems.attempt((kind,), lambda: registry.build(kind, table["name"], **values)), options


def build_part(kind: str, table: Mapping[str, Any]) -> Any:
    """A part from a table of its name and options, as a section of a recipe: with each option's type checked.

    For parts that are made of others; `registry.build` takes Python values and leaves types to the part.

    Raises:
        Error: all that is wrong with it.
    """
    problems = Problems(lambda keys: "")
    part, _ = _built(kind, dict(table), plugins.default(), problems)
    problems.raise_any(f"{kind} {table.get('name')!r}")
    return part


def _check_size(backbone: Backbone, size: int, problems: Problems) -> None:
    """Training crops go into the network as they are: restoring pads, training does not."""
    if size % backbone.multiple_of or size < backbone.min_size:
        least = f" and at least {backbone.min_size}" if backbone.min_size > backbone.multiple_of else ""
        problems.add(("data", "size"), f"must be a multiple of {backbone.multiple_of}{least} here, got {size}")


def apply_overrides(document: dict[str, Any], overrides: Iterable[str]) -> set[KeyPath]:
    """Put `--set` values into the document; the key paths that were set."""
    changed: set[KeyPath] = set()
    if isinstance(overrides, str) or not isinstance(overrides, Iterable):
        raise Error(f'overrides are a list of texts, such as ["train.batch=8"], got {overrides!r}')
    for override in overrides:
        key, equals, value = str(override).partition("=")
        section, dot, name = key.strip().partition(".")
        if not (equals and dot and name):
            raise Error(f"--set {override}: write section.key=value, for instance train.batch=8")
        parsed = toml_value(value)
        table = document.setdefault(section, {})
        if not isinstance(table, dict):
            raise Error(f"--set {override}: {section} is not a section of this recipe")
        table[name] = absolute(parsed, Path.cwd()) if parsed and (section, name) in PATHS else parsed
        changed.add((section, name))
    return changed


def absolute(value: object, base: Path) -> object:
    """A path, or each of a list, as it starts from `base`; a URL, a command and what is no text as they are."""
    if isinstance(value, list):
        return [absolute(each, base) for each in value]
    if not isinstance(value, str) or URL.match(value) or value.startswith(PIPE):
        return value
    return str(base / value)


def find_recipe(source: str | Path) -> Path:
    """The file of a recipe given as a path or as the name of a shipped one.

    Raises:
        Error: there is none.
    """
    path, known = path_of(source, "a recipe is the path of a .toml file or a name"), shipped.recipes()
    if path.is_file():
        return path
    if str(source) in known:
        return known[str(source)]
    raise Error(
        f"no recipe {str(source)!r}{did_you_mean(str(source), known)}: "
        f"give the path of a .toml file or one of: {', '.join(known)}"
    )
