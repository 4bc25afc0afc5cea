"""What a training keeps: states, written whole and found to be finite, and the weights beside them.

A state holds the network, its averages and the optimiser; everything random follows from the seed and the counter of
samples, so the step is all that is left to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checkpoint import read_header, save, saved_states, write_weights
from ..files import write_text
from ..kernel.errors import Error
from ..recipe import Recipe
from ..sources.masks import masks_fingerprint
from ..sources.shards import Index

if TYPE_CHECKING:
    from .trainer import Trainer

WEIGHTS = "weights.safetensors"
KEPT = "the last state is whole; make room, and the same command goes on from there"


def trained_on(recipe: Recipe, index: Index) -> dict[str, str]:
    """What the data is, wherever it lies, as a state records it: the photographs, and masks where there are some."""
    masks = recipe.paths("masks")
    return {"data": index.fingerprint} | ({"masks": masks_fingerprint(masks[0])} if masks else {})


def save_state(trainer: Trainer, run: Path, facts: Mapping[str, str]) -> None:
    """Write the state and the weights of this step; keep the last `keep` states. The first process does, for all.

    Args:
        facts: see `trained_on`.

    Raises:
        Error: they cannot be written, or what was learned is not finite; the states before are as they were.
    """
    net, weights = trainer.spread.network_state(), trainer.weights()
    tensors = {f"net/{name}": tensor for name, tensor in net.items()}
    tensors |= {f"ema/{name}": weights[name] for name in trainer.ema.shadow if name in weights}
    for number, slots in trainer.spread.optimizer_state(trainer.optimizer).items():
        tensors |= {f"opt/{number}/{slot}": tensor for slot, tensor in slots.items()}
    with _writing(trainer) as first:
        if first:
            _check_finite(trainer, run, tensors)
            _write(trainer, run, facts, tensors, weights)


def save_weights(trainer: Trainer, run: Path, facts: Mapping[str, str]) -> None:
    """Write the weights of this step alone.

    Raises:
        Error: they cannot be written.
    """
    weights = trainer.weights()
    with _writing(trainer) as first:
        if first:
            _write_weights(trainer, run, facts, weights)


@contextmanager
def _writing(trainer: Trainer) -> Iterator[bool]:
    """Within the block, whether this process writes for all; where it cannot, that is an `Error` of all."""
    with trainer.world.agreed():
        try:
            yield trainer.world.first
        except OSError as error:
            raise Error(f"{error}; {KEPT}") from None


def _check_finite(trainer: Trainer, run: Path, tensors: Mapping[str, Tensor]) -> None:
    """See that parameters, averages and moments are finite; a buffer may hold what its network wants.

    A loss and a gradient that are finite do not tell: a step may be too long, a square too large.
    """
    learned = {f"net/{name}" for name, _ in trainer.net.named_parameters()}
    for name, tensor in tensors.items():
        if (name in learned or not name.startswith("net/")) and not torch.isfinite(tensor).all():
            raise not_finite(run, f"tensor {name} is not finite", trainer.step)


def not_finite(run: Path, what: str, step: int) -> Error:
    """What to say where training cannot go on."""
    return Error(
        f"{run}: the {what} at step {step}; the last good state is kept. Try a lower train.lr, or train.clip = 1.0"
    )


def _write(
    trainer: Trainer, run: Path, facts: Mapping[str, str], tensors: Mapping[str, Tensor], weights: Mapping[str, Tensor]
) -> None:
    recipe = trainer.recipe
    write_text(run / "recipe.toml", recipe.to_toml())
    header = {"kind": "state", "recipe": recipe.document, "step": trainer.step, "ema_updates": trainer.ema.updates}
    header |= {**facts, "scaler": trainer.scaler.state_dict()}
    name = f"state-{trainer.step:08d}.safetensors"
    # The state comes first: weights without one are those of a training that is over. See `weights_lag`.
    save(run / name, tensors, header)
    until_now = [path for path in saved_states(run) if path.name <= name]  # beyond lies only what could not be read
    for old in until_now[recipe.train.keep :]:
        old.unlink()
    _write_weights(trainer, run, facts, weights)


def _write_weights(trainer: Trainer, run: Path, facts: Mapping[str, str], weights: Mapping[str, Tensor]) -> None:
    write_weights(run / WEIGHTS, weights, trainer.recipe, step=trainer.step, data=facts["data"])


def weights_lag(run: Path, step: int) -> bool:
    """Whether the weights of a run folder are of an earlier step or not there: a training ended before writing them."""
    try:
        return int(read_header(run / WEIGHTS).get("step", 0)) < step
    except Error:
        return True
