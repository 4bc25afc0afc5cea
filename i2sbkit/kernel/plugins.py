"""Finding plugins, by their entry points in the group "i2sbkit", and loading each one alone.

pluggy's own loader would stop at the first failed import, skip a second plugin of the same name, and let a misspelt
hook pass in silence.
"""

import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import metadata
from typing import Any, NoReturn

import pluggy

from . import hookspecs
from .errors import Error
from .hookspecs import GROUP

PARTS = ("corruption", "schedule", "backbone", "sampler")
"""The kinds with a section in a recipe."""
KINDS = (*PARTS, "logger", "importer")
"""What plugins bring; the hook of a kind is its plural."""
OURS = "i2sbkit"
"""The distribution of the built-ins."""
LONGEST = 100
"""Signs of a word that are compared with what is known."""
SWITCH = "I2SBKIT_PLUGINS"
"""The environment variable that chooses among the installed plugins."""


@dataclass(frozen=True)
class Source:
    """One entry point: the plugin's name, the distribution it comes from, and how to import it."""

    plugin: str
    distribution: str
    version: str
    load: Callable[[], object]


@dataclass(frozen=True)
class Component:
    """One name that a plugin brings; `factory` takes the options of its recipe section as keywords."""

    kind: str
    name: str
    factory: Callable[..., Any]
    plugin: str
    distribution: str
    version: str


def installed_sources(path: list[str] | None = None) -> list[Source]:
    """The entry points installed on `path` (default `sys.path`) that `I2SBKIT_PLUGINS` lets in, sorted.

    The variable: unset or empty for all, "off" for i2sbkit's own, or a comma list of distributions or plugins that
    are let in besides. Of a distribution found twice the first counts, as in `import`.

    Raises:
        Error: `I2SBKIT_PLUGINS` names a plugin that is not installed.
    """
    found: dict[str, list[Source]] = {}
    for distribution in metadata.distributions() if path is None else metadata.distributions(path=path):
        if sources := _entry_points(distribution):
            found.setdefault(normalise(sources[0].distribution), sources)
    return _let_in([source for name in sorted(found) for source in found[name]], os.environ.get(SWITCH, "").strip())


def _entry_points(distribution: metadata.Distribution) -> list[Source]:
    name, version = distribution.name or "unknown", distribution.version or "?"
    try:
        entries = {entry.name: entry for entry in distribution.entry_points.select(group=GROUP)}
    except Exception as error:  # one malformed line, in any section: the standard library then fails for everybody
        unreadable = error

        def fail() -> NoReturn:
            raise unreadable

        return [Source("entry_points.txt", name, version, fail)]
    return [Source(plugin, name, version, entries[plugin].load) for plugin in sorted(entries)]


def _let_in(sources: list[Source], setting: str) -> list[Source]:
    """Those that a value of `I2SBKIT_PLUGINS` lets in."""
    if not setting:
        return sources
    wanted = set() if setting == "off" else {normalise(name.strip()) for name in setting.split(",")} - {"", OURS}
    names = {normalise(name) for source in sources for name in (source.distribution, source.plugin)}
    for name in sorted(wanted - names):
        installed = ", ".join(sorted({s.distribution for s in sources}))
        hint = did_you_mean(name, names)
        raise Error(f"{SWITCH}={setting}: no plugin {name!r} is installed{hint} (installed: {installed}; or say off)")
    return [s for s in sources if normalise(s.distribution) in {OURS, *wanted} or normalise(s.plugin) in wanted]


def load(source: Source) -> list[Component]:
    """Import one plugin and ask its hooks, with a plugin manager of its own.

    Raises:
        Error: it is misspelt, or brings what no plugin may; whatever importing it or calling its hooks raises.
    """
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    plugin = source.load()
    manager.register(plugin, source.plugin)
    hooks = manager.get_hookcallers(plugin) or []
    if not hooks:
        raise Error("no function in it is marked @i2sbkit.hookimpl")
    for hook in hooks:
        if not hook.has_spec():  # what check_pending() would find, with a suggestion
            known = [f"{kind}s" for kind in KINDS]
            raise Error(f"unknown hook {hook.name!r}{did_you_mean(hook.name, known)} (hooks: {', '.join(known)})")
    return [
        Component(hook.name.removesuffix("s"), name, factory, source.plugin, source.distribution, source.version)
        for hook in hooks
        for name, factory in _factories(hook)
    ]


def _factories(hook: pluggy.HookCaller) -> Iterator[tuple[str, Callable[..., Any]]]:
    """What the one implementation of a hook returns, checked."""
    factories = hook.get_hookimpls()[0].function()  # called directly: pluggy would drop a None
    if not isinstance(factories, Mapping):
        raise Error(f"hook {hook.name!r} must return a dict of names and factories, not {factories!r}")
    for name, factory in factories.items():
        if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name)):
            raise Error(f"hook {hook.name!r}: the name {name!r} may only hold letters, digits, - and _")
        if not callable(factory):
            raise Error(f"hook {hook.name!r}: the factory of {name!r} cannot be called: {factory!r}")
        inspect.signature(factory)  # a ValueError here: its options cannot be read
        yield name, factory


def normalise(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What to add to a message: "; did you mean 'known'?" where one is close to `word`, else ""."""
    close = get_close_matches(word[:LONGEST], list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
