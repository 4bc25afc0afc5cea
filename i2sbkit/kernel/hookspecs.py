"""The hooks: nouns without arguments, each returning a mapping of names to factories.

A plugin is a module with functions of these names marked `@i2sbkit.hookimpl`, registered as an entry point of the
group "i2sbkit". A factory is called with the options of its recipe section as keyword arguments.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

GROUP = "i2sbkit"

Factories = Mapping[str, Callable[..., Any]]

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def corruptions() -> Factories:  # type: ignore[empty-body]
    """Corruptions: factories of `i2sbkit.Corruption`."""


@hookspec
def schedules() -> Factories:  # type: ignore[empty-body]
    """Bridge schedules: factories of `i2sbkit.BridgeSchedule`."""


@hookspec
def backbones() -> Factories:  # type: ignore[empty-body]
    """Networks: factories of `i2sbkit.Backbone`."""


@hookspec
def samplers() -> Factories:  # type: ignore[empty-body]
    """Samplers: factories of `i2sbkit.Sampler`."""


@hookspec
def loggers() -> Factories:  # type: ignore[empty-body]
    """Where training reports to: factories taking the run folder, of `i2sbkit.Logger`."""


@hookspec
def importers() -> Factories:  # type: ignore[empty-body]
    """Readers of foreign checkpoints: functions `read(source: Path) -> i2sbkit.Imported | None`.

    `i2sbkit weights import SOURCE` asks one after another. None says that `source`, a file or a folder, is nothing of
    the reader's kind; what is of its kind but cannot be read raises `i2sbkit.Error`.
    """
