"""What a training would take, without training: `i2sbkit train --dry-run`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoint import build_network
from ..data import no_data, open_data
from ..recipe import Recipe
from ..sources.order import share_of
from ..sources.skipping import Skipped

COPIES = 5
"""Each parameter is kept as itself, its gradient, two moments of AdamW and its average."""
OVERHEAD = 1.25
"""Gradients on their way back and buffers of kernels; measured on a CPU with `compact`: 1.2 to 1.4."""


def plan(recipe: Recipe, run: Path, processes: int = 1, strict: bool = False) -> dict[str, Any]:
    """Parameters, an estimate of a process's memory in 10^6 bytes (beside torch's own), and what an epoch holds.

    Where the recipe names no data, there are no photographs, and "no_data" says what to do. `strict` as for `train`.

    Raises:
        Error: the photographs that it names are not there, or the batch cannot be shared evenly by the processes.
    """
    options, data = recipe.train, recipe.data
    share = share_of(options.batch, processes)
    micro = min(options.microbatch or share, share)
    parameters, activations = _measure(recipe, micro)
    held = parameters / (processes if options.parallel == "fsdp" else 1)
    named = bool(recipe.paths("train"))
    photographs = len(open_data(recipe, "train", Skipped(strict)).samples) if named else 0
    images = photographs * data.crops
    return {
        "recipe": recipe.name,
        "run": str(run),
        "parameters": parameters,
        "memory_mb": round(OVERHEAD * (4 * COPIES * held + activations) / 1e6),
        "photographs": photographs,
        "images_per_epoch": images,
        "epochs": round(options.iterations * options.batch / images, 2) if named else None,
        "iterations": options.iterations,
        "batch": options.batch,
        "processes": processes,
        "microbatches_per_step": math.ceil(share / micro),
        "resolved": dict(recipe.document),
        **({} if named else {"no_data": no_data(recipe)}),
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
    photographs = f"{facts['photographs']:,}, {facts['images_per_epoch']:,} images an epoch"
    epochs = f": {facts['epochs']} epochs" if facts["epochs"] is not None else ""
    shared = f", in {facts['processes']} processes" if facts["processes"] > 1 else ""
    return "\n".join(
        [
            f"{facts['recipe']} -> {facts['run']}",
            f"  parameters        {facts['parameters']:,}",
            f"  memory, about     {facts['memory_mb']:,} MB{' in each process' if shared else ''}",
            f"  photographs       {facts.get('no_data', photographs)}",
            f"  iterations        {facts['iterations']:,} of {facts['batch']} images"
            f" ({facts['microbatches_per_step']} microbatches each{shared}){epochs}",
        ]
    )
