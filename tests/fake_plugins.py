"""Installed plugins for tests, faked as `x-1.0.dist-info` folders with a small module: milliseconds, no pip."""

import importlib
import itertools
import sys
from functools import cache

import pytest

from i2sbkit.kernel import registry
from i2sbkit.kernel.errors import Error
from i2sbkit.kernel.registry import Registry, installed_sources

CORRUPTION = """
import i2sbkit

class Part(i2sbkit.Corruption):
    def __init__(self, quality, subsampling="4:2:0"):
        if quality == 0: raise ValueError("quality must be in 1..100, got 0")
        if quality == 101: raise i2sbkit.Error("quality must be at most 100")
        if quality == 102: raise RuntimeError("a bug")
        self.quality = quality
        len(subsampling)

    def corrupt(self, x0, rng):
        return i2sbkit.Observation(x0)

@i2sbkit.hookimpl
def corruptions():
    return {NAMES}
"""

_serial = itertools.count()


def corruption(*names):
    """The text of a plugin that brings corruptions of these names."""
    return CORRUPTION.replace("NAMES", ", ".join(f"{name!r}: Part" for name in names))


def hook(name, returns):
    """The text of a plugin with one hook."""
    return f"import i2sbkit\n@i2sbkit.hookimpl\ndef {name}():\n    return {returns}\n"


def only_site(folder, monkeypatch):
    """Let `folder` be the only site-packages, and forget the default registry; both until the test ends."""
    elsewhere = [entry for entry in sys.path if "site-packages" not in entry and "dist-packages" not in entry]
    monkeypatch.setattr(sys, "path", [str(folder), *elsewhere])
    monkeypatch.delenv("I2SBKIT_PLUGINS", raising=False)
    monkeypatch.setattr(registry, "default", cache(registry.default.__wrapped__))
    return folder


def install(site, distribution, version="1.0", **plugins):
    """Put a distribution there: plugin name -> the text of its module."""
    stem = distribution.replace("-", "_")
    info = site / f"{stem}-{version}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    modules = {plugin: f"{stem}_{plugin}_{next(_serial)}" for plugin in plugins}  # new names: imports are remembered
    lines = [f"{plugin} = {module}" for plugin, module in modules.items()]
    info.joinpath("entry_points.txt").write_text("\n".join(["[i2sbkit]", *lines]))
    for plugin, text in plugins.items():
        site.joinpath(f"{modules[plugin]}.py").write_text(text)
    importlib.invalidate_caches()


def load(site):
    """A registry of what is installed there."""
    return Registry(installed_sources([str(site)]))


def message(call, *args, **options):
    """What the Error says that a call raises."""
    with pytest.raises(Error) as caught:
        call(*args, **options)
    return str(caught.value)
