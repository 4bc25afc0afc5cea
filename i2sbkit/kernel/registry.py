"""Which parts there are, who brings them, and how one is made from its name and options."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from .errors import Error
from .plugins import KINDS, OURS, Component, Source, did_you_mean, installed_sources, load, normalise

__all__ = ["KINDS", "Component", "Failure", "Registry", "Source", "build", "default", "installed_sources", "options"]


@dataclass(frozen=True)
class Failure:
    """A plugin that did not load, and why, in one line."""

    source: Source
    error: str

    def __str__(self) -> str:
        source = self.source
        return f"{source.distribution} {source.version} did not load: {self.error} (plugin {source.plugin!r})"


class Registry:
    """The components of some plugins: a plain value, sharing nothing with other registries.

    A broken plugin is listed with its error; it contributes nothing and harms no other.

    Attributes:
        components: in the order of `KINDS`, then by name, then by distribution.
        failures: the plugins that did not load.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        components: list[Component] = []
        failures: list[Failure] = []
        for source in sources:
            try:
                components += load(source)
            except (Exception, SystemExit) as error:
                failures.append(Failure(source, _one_line(error)))
        components.sort(key=lambda c: (KINDS.index(c.kind), c.name, c.distribution, c.plugin))
        self.components = tuple(components)
        self.failures = tuple(failures)

    def names(self, kind: str) -> list[str]:
        """The names of one kind, sorted, each once.

        Raises:
            Error: there is no such kind.
        """
        if kind not in KINDS:
            raise Error(f"no kind {kind!r}{did_you_mean(kind, KINDS)} (kinds: {', '.join(KINDS)})")
        return sorted({c.name for c in self.components if c.kind == kind})

    def get(self, kind: str, name: str) -> Component:
        """Find a component by its name, or by `distribution:name` where several plugins bring that name.

        `plugin:name` serves where the distribution does not decide.

        Raises:
            Error: nothing or more than one has that name; the message says what to type instead.
        """
        known = self.names(kind)
        prefix, _, bare = name.rpartition(":")
        found = [c for c in self.components if c.kind == kind and c.name == bare]
        chosen = _pick(found, prefix) if prefix else found
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            count = "two" if len(chosen) == 2 else str(len(chosen))
            raise Error(f"{count} plugins bring {kind} {bare!r}: say {_ways(chosen)}")
        if found:
            raise Error(f"no {kind} {bare!r} comes from {prefix!r}: say {_ways(found)}{self._not_loaded()}")
        hint = did_you_mean(bare, known) or f"; there are: {', '.join(known) or 'none'}"
        raise Error(f"no {kind} called {name!r}{hint}{self._not_loaded()}")

    def build(self, kind: str, name: str, /, **options: object) -> Any:
        """Make a part: `build("corruption", "jpeg", quality=10)`.

        Raises:
            Error: no such part or option, an option missing or refused, or the plugin built something else.
        """
        component = self.get(kind, name)
        label = f"{kind} {component.name!r}"
        _check_options(component, options, label)
        try:
            part = component.factory(**options)
        except (Error, TypeError, ValueError) as error:
            raise Error(f"{label}: {error}") from error
        _check_part(component, part, label)
        return part

    def _not_loaded(self) -> str:
        return "".join(f"\n{failure}" for failure in self.failures)


@cache
def default() -> Registry:
    """The registry of everything installed that `I2SBKIT_PLUGINS` lets in, made on first use.

    Raises:
        Error: i2sbkit runs from a checkout that was never installed, so that its own entry points are unknown.
    """
    sources = installed_sources()
    if not any(normalise(source.distribution) == OURS for source in sources):
        raise Error("i2sbkit itself is not installed, so its parts cannot be found: pip install -e . in its checkout")
    return Registry(sources)


def build(kind: str, name: str, /, **options: object) -> Any:
    """`Registry.build` on the default registry."""
    return default().build(kind, name, **options)


def options(component: Component) -> dict[str, inspect.Parameter]:
    """The options a component takes, in the order of its signature; a factory's free keywords take none."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(component.factory).parameters
    return {name: parameter for name, parameter in parameters.items() if parameter.kind in by_name}


def _pick(found: list[Component], prefix: str) -> list[Component]:
    """Those of a distribution; or, where that does not decide, those of a plugin."""
    of_distribution = [c for c in found if normalise(c.distribution) == normalise(prefix)]
    of_plugin = [c for c in found if normalise(c.plugin) == normalise(prefix)]
    return of_distribution if len(of_distribution) == 1 else of_plugin or of_distribution


def _ways(found: list[Component]) -> str:
    """What to type to tell components of one name apart."""
    distributions = [c.distribution for c in found]
    prefixes = [c.distribution if distributions.count(c.distribution) == 1 else c.plugin for c in found]
    return " or ".join(f"{prefix}:{c.name}" for prefix, c in zip(prefixes, found, strict=True))


def _check_options(component: Component, given: Mapping[str, object], label: str) -> None:
    known = options(component)
    listed = f"(options: {', '.join(known) or 'none'})"
    for name in given:
        if name not in known:
            raise Error(f"{label}: no option {name!r}{did_you_mean(name, known)} {listed}")
    missing = [name for name, option in known.items() if option.default is option.empty and name not in given]
    if missing:
        raise Error(f"{label}: give a value for {' and '.join(map(repr, missing))} {listed}")


def _check_part(component: Component, part: object, label: str) -> None:
    from . import interfaces  # here, because it imports torch: plugins can be named where torch is broken

    interface: type | None = {
        "corruption": interfaces.Corruption,
        "schedule": interfaces.BridgeSchedule,
        "backbone": interfaces.Backbone,
        "sampler": interfaces.Sampler,
    }.get(component.kind)
    if interface and not isinstance(part, interface):
        plugin = f"{component.distribution} {component.version} (plugin {component.plugin!r})"
        built = f"{type(part).__name__}, which is no i2sbkit.{interface.__name__}"
        raise Error(f"{label}: {plugin} built a {built}: tell the plugin's author, or choose another {component.kind}")


def _one_line(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return message if isinstance(error, Error) else f"{type(error).__name__}: {message}"
