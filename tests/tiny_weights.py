"""Weights, states and runs for tests: real files of a network of a few hundred parameters, not trained."""

from pathlib import Path

import torch

from i2sbkit.checkpoint import build_network, save, write_weights
from i2sbkit.recipe import Recipe, load_recipe

SMALL = ("backbone.width=2", "backbone.encoder=[1]", "backbone.decoder=[1]", "backbone.middle=1", "backbone.time_dim=4")


def tiny_recipe(*overrides: str, name: str = "tiny") -> Recipe:
    """The shipped recipe `tiny`, or another one, with an even smaller network."""
    return load_recipe(name, [*SMALL, *overrides])


def tiny_weights(path: Path, *overrides: str, **facts) -> Path:
    """Write weights of that recipe."""
    recipe = tiny_recipe(*overrides)
    torch.manual_seed(0)
    write_weights(path, build_network(recipe).state_dict(), recipe, **{"step": 3, "data": "d1", **facts})
    return path


def fake_state(path: Path, *overrides: str) -> Path:
    """Write a training state whose network is two tensors: w, which is averaged, and a buffer."""
    tensors = {
        "net/w": torch.zeros(2, 2),
        "net/counted": torch.tensor(7),
        "ema/w": torch.ones(2, 2),
        "opt/0/exp_avg": torch.full((2, 2), 5.0),
    }
    header = {"kind": "state", "recipe": tiny_recipe(*overrides).document, "step": 9, "data": "d2", "ema_updates": 4}
    save(path, tensors, {**header, "scaler": {}})
    return path
