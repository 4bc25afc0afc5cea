"""Do installed parts keep what their interfaces promise? Which parts a name means, and `i2sbkit.testing` on each."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from .kernel import registry as plugins
from .kernel.errors import Error
from .kernel.plugins import OURS, PARTS, Component, did_you_mean, normalise
from .part_text import NAME_AND_OPTIONS, part_of, table_of
from .recipe import build_part, load_recipe
from .shipped import recipes
from .testing import BrokenPromise, check_backbone, check_corruption, check_sampler, check_schedule

CHECKS: dict[str, Callable[..., None]] = {
    "corruption": check_corruption,
    "schedule": check_schedule,
    "backbone": check_backbone,
    "sampler": check_sampler,
}
Asked = tuple["Found", Callable[[], Any] | None]
"""What is to be found of a part, and what makes it; None where it is found already."""
TRIED_NFE = 5
"""Evaluations of a sampler that was asked for without."""


@dataclass(frozen=True)
class Found:
    """What was found of one part.

    Attributes:
        part: as it was asked for, such as "jpeg:quality=10".
        origin: its distribution and version.
        problem: what came back in place of a promise, or why it could not be checked; None where it keeps them all.
        promise, page: the promise that it breaks, and where more is said.
    """

    kind: str
    part: str
    origin: str
    problem: str | None = None
    promise: str | None = None
    page: str | None = None


def check_plugins(names: Sequence[str], kind: str | None = None) -> Iterator[Found]:
    """Check the parts that names mean, one after another, each part once.

    Args:
        names: a distribution, a plugin, a part with its options as `part_text` has them, or a recipe's file.
        kind: only parts of this one.

    Raises:
        Error: a name means nothing that can be checked.
    """
    asked = [_of_recipe(name, kind) if name.endswith(".toml") else _of_plugins(name, kind) for name in names]
    once = {(finding.kind, finding.part): (finding, make) for finding, make in chain.from_iterable(asked)}
    return (_checked(finding, make) if make else finding for finding, make in once.values())


def _of_recipe(path: str, only: str | None) -> list[Asked]:
    """The parts that a recipe composes, with its options."""
    recipe = load_recipe(path)
    parts = {**vars(recipe.parts), "schedule": recipe.parts.bridge.schedule}
    return [
        (Found(kind, f"{recipe.document[kind]['name']} in {path}", recipe.origins[kind]), partial(parts.get, kind))
        for kind in (PARTS if only is None else (only,))
    ]


def _of_plugins(name: str, kind: str | None) -> list[Asked]:
    """The parts that a name means, and the plugins of that name that did not load."""
    registry = plugins.default()
    broken = [f for f in registry.failures if _names(name, f.source)]
    failed: list[Asked] = [(_unloaded(failure), None) for failure in broken]
    return failed + [_asked(component, text) for component, text in _meant(name, kind, registry, known=bool(broken))]


def _unloaded(failure: plugins.Failure) -> Found:
    source = failure.source
    origin = f"{source.distribution} {source.version}"
    return Found("plugin", source.plugin, origin, problem=f"did not load: {failure.error}")


def _asked(component: Component, text: str) -> Asked:
    """A part as its text describes it; options that it needs are those of a recipe that comes with i2sbkit."""
    finding = Found(component.kind, text, f"{component.distribution} {component.version}")
    missing = [name for name in _required(component) if name not in table_of(component.kind, text)]
    if component.kind == "sampler" and missing == ["nfe"]:
        text, missing = f"{text}{',' if '=' in text else ':'}nfe={TRIED_NFE}", []
    if not missing:
        return finding, partial(_part, component.kind, text)
    if "=" not in text and (shipped := _of_a_shipped_recipe(component)):
        recipe, table = shipped
        return replace(finding, part=f"{text} as in recipe {recipe}"), partial(build_part, component.kind, table)
    way = f"i2sbkit plugins check {component.name}:{','.join(f'{name}=VALUE' for name in missing)}"
    return replace(finding, problem=f"not checked: it needs {' and '.join(missing)}; say {way}"), None


def _of_a_shipped_recipe(component: Component) -> tuple[str, dict[str, Any]] | None:
    """The name of one that composes a built-in part, alone or among others, and the part's table in it."""
    if component.distribution != OURS:
        return None
    for name, path in recipes().items():
        for table in _tables(tomllib.loads(path.read_text("utf-8"))[component.kind]):
            if table["name"] == component.name:
                return name, table
    return None


def _tables(section: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """That of a part, and those of the parts that it is made of."""
    yield section
    for inner in section.get("of", ()):
        yield from _tables(inner)


def _meant(name: str, kind: str | None, registry: plugins.Registry, known: bool) -> list[tuple[Component, str]]:
    """The components that a name means, each with the text that describes a part of it; none where it is `known`."""
    parts = [c for c in registry.components if c.kind in PARTS and kind in (None, c.kind)]
    whole = [c for c in parts if _names(name, c)]
    if whole or known:
        return [(c, f"{c.distribution}:{c.name}") for c in whole]
    others = {c.kind for c in registry.components if _names(name, c)}
    if others:
        raise Error(f"{name} brings {' and '.join(f'{each}s' for each in sorted(others))}: nothing to check here")
    found = NAME_AND_OPTIONS.fullmatch(name)
    bare = found[1] if found else name
    kinds = sorted({c.kind for c in parts if c.name == bare.rpartition(":")[2]}, key=PARTS.index)
    if len(kinds) == 1:
        return [(registry.get(kinds[0], bare), name)]
    if kinds:
        raise Error(f"{bare!r} is a {' and a '.join(kinds)}: say --kind {kinds[0]} or another")
    words = {word for c in parts for word in (c.distribution, c.name)}
    hint = did_you_mean(bare, words) or "; see i2sbkit plugins list"
    raise Error(f"no plugin or part called {bare!r}{hint} (of a recipe give the .toml file)")


def _names(name: str, of: Component | plugins.Source) -> bool:
    """Whether it is that of a distribution or of a plugin."""
    return normalise(name) in (normalise(of.distribution), normalise(of.plugin))


def _checked(finding: Found, make: Callable[[], Any]) -> Found:
    """What was found of a part, once it is made."""
    try:
        CHECKS[finding.kind](make())
    except BrokenPromise as broken:
        return replace(finding, problem=broken.found, promise=broken.promise, page=broken.page)
    except Error as error:
        return replace(finding, problem=f"not checked: {error}")
    return finding


def _part(kind: str, text: str) -> Any:
    return part_of(kind, text)[0]


def _required(component: Component) -> list[str]:
    """The options without a default."""
    return [name for name, option in plugins.options(component).items() if option.default is option.empty]
