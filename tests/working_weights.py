"""Weights that do something though nobody trained them, and pictures to restore with them."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tiny_weights import tiny_recipe

from i2sbkit.checkpoint import build_network, write_weights

CLEAN = Path(__file__).parent.parent / "examples/clean"
SDE = ("bridge.cond_x1=false",)
OT_ODE = ("bridge.ot_ode=true", "bridge.cond_x1=false", "sampler.name=ode", "schedule.beta_max=1.0")


def working_weights(path: Path, *overrides: str) -> Path:
    """Weights of the recipe `tiny`; what a fresh network has at zero is random, so that it changes a picture."""
    recipe = tiny_recipe(*overrides)
    torch.manual_seed(0)
    net = build_network(recipe)
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    write_weights(path, net.state_dict(), recipe)
    return path


@cache
def _clean(name: str) -> np.ndarray:
    with Image.open(CLEAN / f"{name}.png") as file:
        return np.asarray(file.convert("RGB"))


def photo(width: int, height: int, name: str = "lake-sherburne") -> Image.Image:
    """The middle of a photograph."""
    array = _clean(name)
    top, left = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
    assert top >= 0 <= left
    return Image.fromarray(array[top : top + height, left : left + width].copy())


def pixels(path: Path) -> np.ndarray:
    """What is in a file, as Pillow decodes it."""
    with Image.open(path) as file:
        return np.asarray(file)
