"""Networks by name or file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from ..kernel.errors import Error
from ..kernel.plugins import did_you_mean
from .efflite0 import efflite0
from .features import FeatureNetwork
from .paper import inception, lpips, resnet50
from .script_files import script_network

NETWORKS: dict[str, Callable[[torch.device | str], FeatureNetwork]] = {
    "efflite0": efflite0,
    "inception": inception,
    "resnet50": resnet50,
    "lpips_alexnet": lpips("alexnet"),
    "lpips_vgg16": lpips("vgg16"),
}


def feature_network(name_or_file: str | Path, device: torch.device | str) -> FeatureNetwork:
    """A network by its name in `NETWORKS`, or of a TorchScript file (`script_files`).

    Raises:
        Error: no such network or file, its package or weights are missing, or they are not what they should be.
    """
    if isinstance(name_or_file, str) and name_or_file in NETWORKS:
        return NETWORKS[name_or_file](device)
    path = Path(name_or_file)
    if not path.suffix and not path.exists():
        raise Error(
            f"no network {path.name!r}" + (did_you_mean(path.name, NETWORKS) or f"; there are {', '.join(NETWORKS)}")
        )
    if path.stem in NETWORKS:
        raise Error(f"{path}: {path.stem} is the name of another network; rename the file")
    return script_network(path, device)
