"""i2sbkit: image restoration with Schrödinger bridges.

Public names are resolved on first use, so that importing the package (and `i2sbkit --help`) costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .api import Model, load
    from .attending import attention, check_attention
    from .images import from_pil, to_pil
    from .importing import Imported
    from .kernel import KERNEL_API, registry
    from .kernel.bridge import Bridge
    from .kernel.errors import Error, NotLinear, NotSimulated
    from .kernel.hookspecs import hookimpl
    from .kernel.interfaces import (
        Backbone,
        BridgeSchedule,
        Corruption,
        Denoise,
        Observation,
        Operator,
        Sampler,
        Spacing,
        State,
        Step,
        Tables,
        at_node,
    )
    from .kernel.rng import Rng
    from .point_spread import gaussian_kernel, uniform_kernel
    from .recipe import build_part, load_recipe
    from .reporting import Logger
    from .training import train
    from .trajectories import Trajectory, trajectory

_HOMES = {
    "load": ".api",
    "Model": ".api",
    "attention": ".attending",
    "check_attention": ".attending",
    "from_pil": ".images",
    "to_pil": ".images",
    "Imported": ".importing",
    "KERNEL_API": ".kernel",
    "Bridge": ".kernel.bridge",
    "Error": ".kernel.errors",
    "NotLinear": ".kernel.errors",
    "NotSimulated": ".kernel.errors",
    "hookimpl": ".kernel.hookspecs",
    "Backbone": ".kernel.interfaces",
    "BridgeSchedule": ".kernel.interfaces",
    "Corruption": ".kernel.interfaces",
    "Denoise": ".kernel.interfaces",
    "Observation": ".kernel.interfaces",
    "Operator": ".kernel.interfaces",
    "Sampler": ".kernel.interfaces",
    "Spacing": ".kernel.interfaces",
    "State": ".kernel.interfaces",
    "Step": ".kernel.interfaces",
    "Tables": ".kernel.interfaces",
    "at_node": ".kernel.interfaces",
    "Rng": ".kernel.rng",
    "gaussian_kernel": ".point_spread",
    "uniform_kernel": ".point_spread",
    "build_part": ".recipe",
    "load_recipe": ".recipe",
    "Logger": ".reporting",
    "train": ".training",
    "Trajectory": ".trajectories",
    "trajectory": ".trajectories",
}

__all__ = [
    "KERNEL_API",
    "Backbone",
    "Bridge",
    "BridgeSchedule",
    "Corruption",
    "Denoise",
    "Error",
    "Imported",
    "Logger",
    "Model",
    "NotLinear",
    "NotSimulated",
    "Observation",
    "Operator",
    "Rng",
    "Sampler",
    "Spacing",
    "State",
    "Step",
    "Tables",
    "Trajectory",
    "__version__",
    "at_node",
    "attention",
    "build_part",
    "check_attention",
    "from_pil",
    "gaussian_kernel",
    "hookimpl",
    "load",
    "load_recipe",
    "registry",
    "to_pil",
    "train",
    "trajectory",
    "uniform_kernel",
]


def __getattr__(name: str) -> Any:
    if name == "registry":
        return import_module(".kernel.registry", __name__)
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
