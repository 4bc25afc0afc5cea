"""What a training would take, without training: `i2sbkit train --dry-run`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .checkpoint import build_network
from .recipe import Recipe
from .shards import open_index

COPIES = 5
"""Each parameter is kept as itself, its gradient, two moments of AdamW and its average."""
OVERHEAD = 1.25
"""Gradients on their way back and buffers of kernels; measured on a CPU with `compact`: 1.2 to 1.4."""


def plan(recipe: Recipe, run: Path) -> dict[str, Any]:
    """Parameters, an estimate of memory in 10^6 bytes (beside torch's own), and what an epoch holds.

    Raises:
        Error: there are no photographs to train on.
    """
    options, data = recipe.train, recipe.data
    micro = min(options.microbatch or options.batch, options.batch)
    parameters, activations = _measure(recipe, micro)
    photographs = len(open_index(recipe.paths("train")).samples)
    images = photographs * data.crops
    return {
        "recipe": recipe.name,
        "run": str(run),
        "parameters": parameters,
        "memory_mb": round(OVERHEAD * (4 * COPIES * parameters + activations) / 1e6),
        "photographs": photographs,
        "images_per_epoch": images,
        "epochs": round(options.iterations * options.batch / images, 2),
        "iterations": options.iterations,
        "batch": options.batch,
        "microbatches_per_step": math.ceil(options.batch / micro),
        "resolved": dict(recipe.document),
    }


def _measure(recipe: Recipe, micro: int) -> tuple[int, int]:
    """Parameters, and bytes that a microbatch keeps for its backward pass: on the meta device, computing nothing."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.device("meta"):
        net = build_network(recipe)
        own = {parameter.untyped_storage()._cdata for parameter in net.parameters()}
        channels = 6 if recipe.bridge.cond_x1 else 3
        x = torch.empty(micro, channels, recipe.data.size, recipe.data.size)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            output = net(x, torch.empty(micro))
    del output
    half = 1 if recipe.train.precision == "fp32" else 2
    activations = sum(size for key, size in kept.items() if key not in own)
    return sum(parameter.numel() for parameter in net.parameters()), activations // half


def describe(facts: dict[str, Any]) -> str:
    """The plan as a few lines."""
    return "\n".join(
        [
            f"{facts['recipe']} -> {facts['run']}",
            f"  parameters        {facts['parameters']:,}",
            f"  memory, about     {facts['memory_mb']:,} MB",
            f"  photographs       {facts['photographs']:,}, {facts['images_per_epoch']:,} images an epoch",
            f"  iterations        {facts['iterations']:,} of {facts['batch']} images"
            f" ({facts['microbatches_per_step']} microbatches each): {facts['epochs']} epochs",
        ]
    )
