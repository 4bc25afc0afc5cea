"""Do installed parts keep what their interfaces promise? Which parts a name means, and `i2sbkit.testing` on each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .kernel import registry as plugins
from .kernel.errors import Error
from .kernel.plugins import PARTS, Component, did_you_mean, normalise
from .part_text import NAME_AND_OPTIONS, part_of
from .recipe import load_recipe
from .testing import BrokenPromise, check_backbone, check_corruption, check_sampler, check_schedule

CHECKS: dict[str, Callable[..., None]] = {
    "corruption": check_corruption,
    "schedule": check_schedule,
    "backbone": check_backbone,
    "sampler": check_sampler,
}
TRIED_NFE = 5
"""Evaluations of a sampler that was asked for without."""


@dataclass(frozen=True)
class Outcome:
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


def check_plugins(names: Sequence[str], kind: str | None = None) -> list[Outcome]:
    """Check the parts that names mean, each part once.

    Args:
        names: a distribution, a plugin, a part with its options as `part_text` has them, or a recipe's file.
        kind: only parts of this one.

    Raises:
        Error: a name means nothing that can be checked.
    """
    outcomes: dict[tuple[str, str], Outcome] = {}
    for name in names:
        found = _of_recipe(name, kind) if name.endswith(".toml") else _of_plugins(name, kind)
        outcomes |= {(each.kind, each.part): each for each in found}
    return list(outcomes.values())


def _of_recipe(path: str, only: str | None) -> Iterator[Outcome]:
    """The parts that a recipe composes, with its options."""
    recipe = load_recipe(path)
    parts = {**vars(recipe.parts), "schedule": recipe.parts.bridge.schedule}
    for kind in PARTS if only is None else (only,):
        outcome = Outcome(kind, f"{recipe.document[kind]['name']} in {path}", recipe.origins[kind])
        yield _checked(outcome, partial(parts.__getitem__, kind))


def _of_plugins(name: str, kind: str | None) -> Iterator[Outcome]:
    """The parts that a name means, and the plugins of that name that did not load."""
    registry = plugins.default()
    broken = [f for f in registry.failures if _names(name, f.source)]
    for failure in broken:
        source = failure.source
        origin = f"{source.distribution} {source.version}"
        yield Outcome("plugin", source.plugin, origin, problem=f"did not load: {failure.error}")
    for component, text in _meant(name, kind, registry, known=bool(broken)):
        outcome = Outcome(component.kind, text, f"{component.distribution} {component.version}")
        missing = [name for name in _required(component) if not re.search(rf"[:,]\s*{name}\s*=", text)]
        if component.kind == "sampler" and missing == ["nfe"]:
            text, missing = f"{text}{',' if '=' in text else ':'}nfe={TRIED_NFE}", []
        if missing:
            way = f"i2sbkit plugins check {component.name}:{','.join(f'{name}=VALUE' for name in missing)}"
            yield replace(outcome, problem=f"not checked: it needs {' and '.join(missing)}; say {way}")
        else:
            yield _checked(outcome, partial(_part, component.kind, text))


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
    raise Error(f"no plugin or part called {bare!r}{hint}")


def _names(name: str, of: Component | plugins.Source) -> bool:
    """Whether it is that of a distribution or of a plugin."""
    return normalise(name) in (normalise(of.distribution), normalise(of.plugin))


def _checked(outcome: Outcome, make: Callable[[], Any]) -> Outcome:
    """What was found of a part, once it is made."""
    try:
        CHECKS[outcome.kind](make())
    except BrokenPromise as broken:
        return replace(outcome, problem=broken.found, promise=broken.promise, page=broken.page)
    except Error as error:
        return replace(outcome, problem=f"not checked: {error}")
    return outcome


def _part(kind: str, text: str) -> Any:
    return part_of(kind, text)[0]


def _required(component: Component) -> list[str]:
    """The options without a default."""
    return [name for name, option in plugins.options(component).items() if option.default is option.empty]
