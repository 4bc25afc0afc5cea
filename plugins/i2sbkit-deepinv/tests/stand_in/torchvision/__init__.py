"""A torchvision whose names are all there and do nothing: deepinv imports many, and its operators use none."""

import sys
import types

NAMES = (
    "transforms",
    "transforms.functional",
    "transforms.v2",
    "utils",
    "datasets",
    "datasets.utils",
    "datasets.folder",
)


class Module(types.ModuleType):
    """Has whatever is asked of it."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


for name in NAMES:
    sys.modules[f"torchvision.{name}"] = Module(f"torchvision.{name}")
transforms, utils, datasets = (sys.modules[f"torchvision.{name}"] for name in ("transforms", "utils", "datasets"))
