"""Recipes: a TOML file, validated as a whole, and the parts it names."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from .kernel import registry as plugins
from .kernel.bridge import Bridge
from .kernel.errors import Error
from .kernel.interfaces import Backbone, BridgeSchedule, Corruption, Sampler
from .recipe_errors import Problems, Where, validate
from .toml_text import key_lines, to_toml

KINDS = ("corruption", "schedule", "backbone", "sampler")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class BridgeSection(_Section):
    """How the bridge is trained: as OT-ODE, and with the network seeing x1 or not."""

    ot_ode: bool = False
    cond_x1: bool = False


class DataSection(_Section):
    """Shards or folders, relative to the recipe, and how training pictures are cut from them."""

    train: str | tuple[str, ...]
    val: str | tuple[str, ...] = ()
    size: PositiveInt = 256
    crop: Literal["random", "center"] = "random"
    crops: PositiveInt = 1
    val_size: PositiveInt = 256
    flip: bool = True
    quantize: bool = True
    workers: NonNegativeInt = 0


class TrainSection(_Section):
    """The optimisation; `schedule` "step" multiplies lr by lr_gamma every lr_step, "cosine" falls to 2 % of lr."""

    iterations: PositiveInt
    batch: PositiveInt
    microbatch: PositiveInt | None = None
    lr: PositiveFloat
    schedule: Literal["step", "cosine"] = "step"
    lr_step: PositiveInt = 1000
    lr_gamma: PositiveFloat = 0.99
    warmup: NonNegativeInt = 0
    betas: tuple[NonNegativeFloat, NonNegativeFloat] = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.0
    clip: PositiveFloat | None = None
    ema: float = Field(0.99, ge=0, lt=1)
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    compile: bool = False
    init: str | None = None
    seed: int = 0
    save_every: PositiveInt = 1000
    keep: PositiveInt = 3
    val_every: PositiveInt = 1000
    val_nfe: tuple[PositiveInt, ...] = (1, 2, 5, 10)
    val_images: PositiveInt = 16


class LogSection(_Section):
    """Names of loggers beside log.jsonl, which is always written."""

    loggers: tuple[str, ...] = ()


SECTIONS: Mapping[str, type[BaseModel]] = {
    "bridge": BridgeSection,
    "data": DataSection,
    "train": TrainSection,
    "log": LogSection,
}


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
        base: the folder that relative paths in it start from.
    """

    document: Mapping[str, Mapping[str, Any]]
    parts: Parts
    bridge: BridgeSection
    data: DataSection
    train: TrainSection
    log: LogSection
    base: Path
    name: str

    def paths(self, which: Literal["train", "val"]) -> list[str]:
        """`data.train` or `data.val` as absolute paths or patterns."""
        given = getattr(self.data, which)
        return [str(self.base / path) for path in ((given,) if isinstance(given, str) else given)]

    def to_toml(self) -> str:
        """The resolved recipe, its paths absolute: complete in itself, wherever it is put."""
        data = dict(self.document["data"], train=self.paths("train"), val=self.paths("val"))
        init = self.train.init and str(self.base / self.train.init)
        return to_toml({**self.document, "data": data, "train": dict(self.document["train"], init=init)})


def load_recipe(source: str | Path, overrides: Iterable[str] = (), registry: plugins.Registry | None = None) -> Recipe:
    """Read a recipe file, or a shipped recipe by its name.

    Args:
        overrides: "section.key=value", the value as TOML; what is no TOML value is taken as text.

    Raises:
        Error: everything that is wrong with it, a line each, as `file:line: section.key: what; did you mean`.
    """
    path = find_recipe(source)
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Error(f"{path}: not valid TOML: {error}") from None
    lines = key_lines(text)

    def where(keys: tuple[str, ...]) -> str:
        known = next((lines[keys[:depth]] for depth in range(len(keys), 0, -1) if keys[:depth] in lines), None)
        return f"{path}:{known}" if known else str(path)

    changed = _override(document, overrides)
    return from_document(
        document, lambda keys: "--set" if keys[:2] in changed else where(keys), base=path.parent.absolute(), name=path.stem,
        registry=registry,
    )  # fmt: skip


def from_document(
    document: Mapping[str, Any],
    where: Where,
    *,
    base: Path,
    name: str,
    registry: plugins.Registry | None = None,
) -> Recipe:
    """A recipe from its parsed document; `where` says of a key path where it stands, for messages."""
    registry = registry or plugins.default()
    problems = Problems(where)
    problems.check_names((), document, [*KINDS, *SECTIONS], what="section")
    parts, options = {}, {}
    for kind in KINDS:
        parts[kind], options[kind] = _part(kind, document.get(kind), registry, problems)
    sections: dict[str, Any] = {
        key: validate((key,), model, document.get(key, {}), problems) for key, model in SECTIONS.items()
    }
    for logger in getattr(sections["log"], "loggers", ()):
        problems.attempt(("log", "loggers"), lambda logger=logger: registry.get("logger", logger))
    problems.raise_any()
    return Recipe(
        document={**options, **{key: json.loads(value.model_dump_json()) for key, value in sections.items()}},
        parts=Parts(
            parts["corruption"],
            Bridge(parts["schedule"], sections["bridge"].ot_ode),
            parts["backbone"],
            parts["sampler"],
        ),
        base=base,
        name=name,
        **sections,
    )


def _part(kind: str, table: Any, registry: plugins.Registry, problems: Problems) -> tuple[Any, dict[str, Any]]:
    """Build what a section names: the part, and its name with every option."""
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        problems.add((kind,), f'needs a name: name = "..." (there are: {", ".join(registry.names(kind))})')
        return None, {}
    component = problems.attempt((kind, "name"), lambda: registry.get(kind, table["name"]))
    if component is None:
        return None, {}
    given = {key: value for key, value in table.items() if key != "name"}
    options = validate((kind,), plugins_model(component.factory), given, problems)
    if options is None:
        return None, {}
    values = {key: getattr(options, key) for key in type(options).model_fields}
    part = problems.attempt((kind,), lambda: registry.build(kind, table["name"], **values))
    return part, {"name": table["name"], **json.loads(options.model_dump_json())}


def plugins_model(factory: Callable[..., Any]) -> type[BaseModel]:
    """The options of a factory as a strict schema, read off its signature and annotations."""
    from inspect import Parameter, signature
    from typing import get_type_hints

    from pydantic import create_model

    hints = get_type_hints(factory.__init__ if isinstance(factory, type) else factory, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints.get(name, Any), ... if parameter.default is Parameter.empty else parameter.default)
        for name, parameter in signature(factory).parameters.items()
    }
    return create_model("Options", __config__=_Section.model_config, **fields)


def _override(document: dict[str, Any], overrides: Iterable[str]) -> set[tuple[str, ...]]:
    """Put `--set` values into the document; the key paths that were set."""
    changed: set[tuple[str, ...]] = set()
    for override in overrides:
        key, equals, value = override.partition("=")
        section, dot, name = key.strip().partition(".")
        if not (equals and dot and name):
            raise Error(f"--set {override}: write section.key=value, for instance train.batch=8")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        table = document.setdefault(section, {})
        if not isinstance(table, dict):
            raise Error(f"--set {override}: {section} is not a section of this recipe")
        table[name] = parsed
        changed.add((section, name))
    return changed


def shipped_recipes() -> Path:
    """The folder of the recipes that come with i2sbkit: the checkout's where we run from one, else the wheel's."""
    package = Path(__file__).parent
    checkout = package.parent
    pyproject = checkout / "pyproject.toml"
    if pyproject.is_file() and 'name = "i2sbkit"' in pyproject.read_text("utf-8"):
        return checkout / "recipes"
    return package / "recipes"


def find_recipe(source: str | Path) -> Path:
    """The file of a recipe given as a path or as the name of a shipped one.

    Raises:
        Error: there is none.
    """
    path = Path(source)
    if path.is_file():
        return path
    shipped = {
        file.relative_to(shipped_recipes()).with_suffix("").as_posix(): file
        for file in shipped_recipes().rglob("*.toml")
    }
    if str(source) in shipped:
        return shipped[str(source)]
    raise Error(f"no recipe {str(source)!r}: give the path of a .toml file or one of: {', '.join(sorted(shipped))}")
