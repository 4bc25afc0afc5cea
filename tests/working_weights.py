"""Weights that do something though nobody trained them."""

from pathlib import Path

import torch
from tiny_weights import tiny_recipe

from i2sbkit.checkpoint import build_network, write_weights

SDE = ("bridge.cond_x1=false",)
OT_ODE = ("bridge.ot_ode=true", "bridge.cond_x1=false", "sampler.name=ode", "schedule.beta_max=1.0")


def working_weights(path: Path, *overrides: str, name: str = "tiny") -> Path:
    """Weights of a shipped recipe; what a fresh network has at zero is random, so that it changes a picture."""
    recipe = tiny_recipe(*overrides, name=name)
    torch.manual_seed(0)
    net = build_network(recipe)
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    write_weights(path, net.state_dict(), recipe)
    return path
