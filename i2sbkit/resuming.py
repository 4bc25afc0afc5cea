"""Training states: written whole, found again, and refused where the maths would change.

A state holds the network, its averages and the optimiser; everything random follows from the seed and the counter of
samples, so the step is all that is left to know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from .checkpoint import load_tensors, read_header, read_tensors, save, saved_states, write_weights
from .files import write_text
from .kernel.errors import Error
from .recipe import Recipe
from .shards import Index

if TYPE_CHECKING:
    from .training import Trainer

FREE = {
    "data": {"train", "val", "val_size", "workers"},
    "train": {"iterations", "save_every", "keep", "val_every", "val_nfe", "val_images"},
}
"""Keys that may differ when a run goes on: they do not change the maths. (What `data.train` holds must stay.)"""


def fingerprint(index: Index) -> str:
    """What the data is, wherever it lies: keys and sizes of all samples."""
    digest = hashlib.sha256()
    for sample in index.samples:
        digest.update(repr((sample.key, sorted((ext, part.size) for ext, part in sample.parts.items()))).encode())
    return digest.hexdigest()[:16]


def save_state(trainer: Trainer, run: Path, index: Index) -> None:
    """Write the state and the weights of this step; keep the last `keep` states."""
    recipe = trainer.recipe
    write_text(run / "recipe.toml", recipe.to_toml())
    tensors = {f"net/{name}": tensor for name, tensor in trainer.net.state_dict().items()}
    tensors |= {f"ema/{name}": tensor for name, tensor in trainer.ema.shadow.items()}
    for number, slots in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"opt/{number}/{slot}": tensor for slot, tensor in slots.items()}
    header = {"kind": "state", "recipe": recipe.document, "step": trainer.step, "ema_updates": trainer.ema.updates}
    header |= {"data": fingerprint(index), "scaler": trainer.scaler.state_dict()}
    save(run / f"state-{trainer.step:08d}.safetensors", tensors, header)
    write_weights(run / "weights.safetensors", trainer.weights(), recipe, step=trainer.step, data=fingerprint(index))
    for old in saved_states(run)[recipe.train.keep :]:
        old.unlink()


def find_state(recipe: Recipe, run: Path, resume: str, index: Index) -> Path | None:
    """The state to go on from, or None to start; see `training.train`."""
    states = saved_states(run)
    if resume == "never":
        if states:
            raise Error(f"{run}: holds a run already; take another --out, or --resume auto to go on with it")
        return None
    candidates = states if resume == "auto" else [Path(resume)]
    for path in candidates:
        try:
            header = read_header(path)
        except Error:
            if path is candidates[-1]:
                raise
            continue
        if header.get("kind") != "state":
            raise Error(f"{path}: holds weights only; start from them with --set train.init={path}")
        _check_same(header, recipe, path, index)
        return path
    return None


def _check_same(header: Mapping[str, Any], recipe: Recipe, path: Path, index: Index) -> None:
    """Refuse to go on under a recipe or on data that would make it another training."""
    before: Mapping[str, Mapping[str, Any]] = header["recipe"]
    changes = []
    for section, values in recipe.document.items():
        if section == "log" or section == "sampler":
            continue
        for key in sorted({*values, *before[section]} - FREE.get(section, set())):
            old, new = before[section].get(key), values.get(key)
            if json.dumps(old) != json.dumps(new):
                changes.append(f"{section}.{key}: was {json.dumps(old)}, is {json.dumps(new)}")
    if header["data"] != fingerprint(index):
        changes.append("data.train: the photographs are not the ones it was trained on")
    if changes:
        way_out = "put these back, or start anew with another --out"
        raise Error("\n".join([f"{path}: cannot go on under a changed recipe; {way_out}", *changes]))


def load_state(trainer: Trainer, path: Path) -> int:
    """Put a state into a trainer; the step it stands at."""
    header, groups = read_header(path), _grouped(read_tensors(path))
    load_tensors(trainer.net, groups["net"], path)
    trainer.ema.load(groups["ema"], header["ema_updates"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in groups.get("opt", {}).items():
        number, slot = name.split("/")
        state.setdefault(int(number), {})[slot] = tensor
    trainer.optimizer.load_state_dict({**trainer.optimizer.state_dict(), "state": state})
    trainer.scaler.load_state_dict(header["scaler"])
    trainer.step = int(header["step"])
    return trainer.step


def _grouped(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by the first part of their name."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        group, _, rest = name.partition("/")
        groups.setdefault(group, {})[rest] = tensor
    return groups
