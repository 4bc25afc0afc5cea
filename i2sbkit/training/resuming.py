"""Training states: found again, and refused where the maths would change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..checkpoint import check_tensors, read_header, read_tensors, saved_states
from ..kernel.errors import Error
from ..recipe import Recipe, from_document
from ..terminal import warn
from .saving import WEIGHTS

if TYPE_CHECKING:
    from .trainer import Trainer

FREE = {
    "data": {"train", "val", "val_size", "workers"},
    "train": {"iterations", "save_every", "keep", "val_every", "val_nfe", "val_images", "parallel", "microbatch"},
}
"""Keys that may differ when a run goes on: they do not change the maths. (What `data.train` holds must stay.)

`parallel` and `microbatch` change its rounding: who runs out of memory must be able to go on.
"""


def find_state(recipe: Recipe, run: Path, resume: str, facts: Mapping[str, str]) -> Path | None:
    """The state to go on from, or None to start; see `loop.train`.

    A state that cannot be read is passed over with a warning while there is an older one.

    Raises:
        Error: none can be read, or going on from it would make it another training; or to start would write over what
            is left of a training.
    """
    states, weights, log = saved_states(run), run / WEIGHTS, run / "log.jsonl"
    if resume in ("auto", "never") and not states and weights.exists():
        way_out = f"take another --out, or begin from them with --init-from {weights}"
        raise Error(f"{run}: holds weights but no state; {way_out}")
    if resume == "never" and (states or (log.exists() and log.stat().st_size)):
        raise Error(f"{run}: holds a run already; take another --out, or --resume auto to go on with it")
    if resume not in ("auto", "never"):
        states = [_chosen(Path(resume), states)]
    if resume == "never" or not states:
        return None
    path, header = _newest_readable(states)
    if header.get("kind") != "state":
        raise Error(f"{path}: holds weights only; start from them with --init-from {path}")
    _check_same(header, recipe, path, facts)
    return path


def _chosen(path: Path, states: Sequence[Path]) -> Path:
    """The state that --resume names; the run must not be beyond it, or the next resume would take what is there."""
    if not path.is_file():
        raise Error(f"--resume {path}: no such state; say auto, never or the path of a state-*.safetensors")
    later = [state for state in states if state.name > path.name]
    if later:
        raise Error(f"{later[0]}: the run is beyond {path.name}; take another --out, or remove its later states")
    return path


def _newest_readable(states: Sequence[Path]) -> tuple[Path, dict[str, Any]]:
    for path in states[:-1]:
        try:
            return path, read_header(path)
        except Error as error:
            warn(f"{error}; going on from the state before it")
    return states[-1], read_header(states[-1])


def _check_same(header: Mapping[str, Any], recipe: Recipe, path: Path, facts: Mapping[str, str]) -> None:
    """Refuse to go on under a recipe or on data that would make it another training."""
    free = {key: recipe.document[key] for key in ("log", "sampler")}
    written = {**header["recipe"], **free}  # read as a recipe, for what was not yet an option when it was written
    try:
        before = from_document(written, lambda keys: str(path), base=path.parent, name=path.stem).document
    except Error as error:  # a plugin that changed its options since
        raise Error(f"{error}\n{path}: cannot be gone on from; start anew with another --out") from None
    changes = [
        f"{section}.{key}: was {json.dumps(before[section].get(key))}, is {json.dumps(values.get(key))}"
        for section, values in recipe.document.items()
        for key in sorted({*values, *before[section]} - FREE.get(section, set()))
        if _maths(key, before[section].get(key)) != _maths(key, values.get(key))
    ]
    if "data" not in header:
        raise Error(f"{path}: not a whole training state (it does not say what it was trained on); take another")
    if header["data"] != facts["data"]:
        changes.append("data.train: the photographs are not the ones it was trained on")
    if "masks" in facts and header.get("masks") != facts["masks"]:
        changes.append("data.masks: the masks are not the ones it was trained on")
    if changes:
        way_out = "put these back, or start anew with another --out"
        raise Error("\n".join([f"{path}: cannot go on under a changed recipe; {way_out}", *changes]))


def maths_of(recipe: Recipe) -> dict[str, str]:
    """What of a recipe makes the training that it is: values by `section.key`."""
    return {
        f"{section}.{key}": _maths(key, value)
        for section, values in recipe.document.items()
        for key, value in values.items()
        if section not in ("log", "sampler") and key not in FREE.get(section, set())
    }


def _maths(key: str, value: Any) -> str:
    """What of a value counts: of masks, and of the weights it began from (in the state by now), the file's name."""
    counted = Path(value).name if key in ("init", "masks") and value else value
    return json.dumps(counted, sort_keys=True)  # a table comes back from a header with its keys in another order


def load_state(trainer: Trainer, path: Path) -> int:
    """Put a state into a trainer; the step it stands at.

    Raises:
        Error: it does not fit the network, or is not whole.
    """
    if not path.is_file():
        raise Error(f"{path}: not there on this machine; all machines need the run folder: take a shared one as --out")
    header, groups = read_header(path), _grouped(read_tensors(path))
    placed = trainer.spread.placed
    net, own, shadow = groups.get("net", {}), trainer.net.state_dict(), trainer.ema.shadow
    check_tensors(own, net, path)
    trainer.net.load_state_dict({name: placed(net[name], own[name]) for name in own})
    try:
        trainer.ema.load({name: placed(groups["ema"][name], shadow[name]) for name in shadow}, header["ema_updates"])
        moments = _moments(trainer.optimizer, groups.get("opt", {}), placed)
        trainer.optimizer.load_state_dict({**trainer.optimizer.state_dict(), "state": moments})
        trainer.scaler.load_state_dict(header["scaler"])
        trainer.step = int(header["step"])
        if trainer.step < 0:
            raise ValueError(f"step {trainer.step}")
    except (LookupError, ValueError) as error:
        raise Error(f"{path}: not a whole training state ({error}); take another") from None
    return trainer.step


def _moments(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], placed: Callable[[Tensor, Tensor], Tensor]
) -> dict[int, dict[str, Tensor]]:
    """The optimiser's state by the number of its parameter, each tensor laid out in memory as its parameter is.

    The fused AdamW goes through both as they lie, whatever their strides say.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, slot = name.split("/")
        parameter = parameters[int(number)]
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter, dtype=tensor.dtype).copy_(placed(tensor, parameter))
        state.setdefault(int(number), {})[slot] = tensor
    return state


def _grouped(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by the first part of their name."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        group, _, rest = name.partition("/")
        groups.setdefault(group, {})[rest] = tensor
    return groups
