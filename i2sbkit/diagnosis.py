"""What this installation is, for bug reports; nothing here fails where a part of it is broken."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from typing import Any

from . import __version__, shipped
from .kernel import KERNEL_API, registry
from .kernel.errors import Error
from .kernel.plugins import OURS

VARIABLES = (
    "I2SBKIT_PLUGINS", "I2SBKIT_DEBUG", "I2SBKIT_CACHE", "I2SBKIT_METRICS", "I2SBKIT_ALLOW_PIPE",
    "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "WANDB_MODE",
)  # fmt: skip


def diagnose() -> dict[str, Any]:
    """Versions, devices, attention backends, bundled weights, plugins, recipes and environment, as JSON values."""
    return {
        "versions": {"i2sbkit": __version__, "python": platform.python_version(), **_packages()},
        "platform": platform.platform(),
        "python": sys.executable,
        "i2sbkit": str(shipped.PACKAGE),
        "devices": _devices(),
        "attention": {"sdpa": {"usable": True}, "xformers": _xformers()},
        "weights": {"folder": str(shipped.WEIGHTS), "files": [_weights(path) for path in shipped.bundled().values()]},
        "plugins": {"interface": KERNEL_API, **_plugins()},
        "recipes": {"folder": str(shipped.shipped_recipes()), "names": list(shipped.recipes())},
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def failure_facts(failure: registry.Failure) -> dict[str, str]:
    """A plugin that did not load, as JSON values."""
    source = failure.source
    return {
        "plugin": source.plugin,
        "distribution": source.distribution,
        "version": source.version,
        "error": failure.error,
        "way_out": way_out(failure),
    }


def way_out(failure: registry.Failure) -> str:
    """What to type about a plugin that did not load."""
    distribution = failure.source.distribution
    if distribution == OURS:
        return "this is one of i2sbkit's own: pip install --force-reinstall i2sbkit"
    return f"pip uninstall {distribution} removes it; I2SBKIT_PLUGINS=off in the environment leaves it out"


def _packages() -> dict[str, str | None]:
    """The version of each package that i2sbkit needs or can use; None where it is not installed."""
    versions: dict[str, str | None] = {}
    for requirement in _requirements():
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def _requirements() -> list[str]:
    """i2sbkit's requirements, those of its tests and documentation aside."""
    try:
        given = metadata.requires("i2sbkit") or []
    except metadata.PackageNotFoundError:
        return ["torch"]
    return [line for line in given if not re.search(r"""^i2sbkit\[|extra == ["'](test|docs)["']""", line)]


def _devices() -> dict[str, Any]:
    try:
        import torch

        cards = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        return {
            "cpu": {"cores": os.cpu_count(), "threads": torch.get_num_threads()},
            "cuda": [{"name": card.name, "memory_gb": round(card.total_memory / 1e9, 1)} for card in cards],
            "torch_built_for_cuda": torch.version.cuda,
            "mps": torch.backends.mps.is_available(),
        }
    except Exception as error:  # a torch that cannot be imported, a driver that does not fit
        return {"error": _first_line(error)}


def _xformers() -> dict[str, Any]:
    """Whether xformers is there and does what it is for, tried on the best device."""
    try:
        import torch

        from .attending import attention_problem

        device = "cuda" if torch.cuda.is_available() else "cpu"
        reason = attention_problem("xformers", torch.device(device))
    except Exception as error:  # torch, or the driver
        device, reason = "none", _first_line(error)
    if reason and reason.startswith("not installed"):
        return {"installed": None, "usable": False, "reason": reason}
    version = getattr(sys.modules.get("xformers"), "__version__", "broken")
    if reason:
        return {"installed": version, "usable": False, "reason": reason}
    return {"installed": version, "usable": True, "tried_on": device}


def _weights(path: Any) -> dict[str, Any]:
    try:
        from .publishing import summary

        return summary(path)
    except Exception as error:  # damaged, or torch is
        return {"file": str(path), "error": _first_line(error)}


def _plugins() -> dict[str, Any]:
    try:
        found = registry.default()
    except Error as error:
        return {"error": str(error)}
    parts: dict[str, list[str]] = {}
    for component in found.components:
        parts.setdefault(f"{component.distribution} {component.version}", []).append(
            f"{component.kind} {component.name}"
        )
    return {"installed": parts, "failures": [failure_facts(failure) for failure in found.failures]}


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
