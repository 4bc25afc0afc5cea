"""Weights and training states: one safetensors file each, with a JSON header that explains it.

Format 1. Metadata key "i2sbkit": sorted JSON with `format`, `kind` ("weights" or "state"), `version` of i2sbkit,
`recipe` (resolved) and `step`; weights also carry `plugins` (what brought each part: "i2sbkit-fog 0.1"), `data`,
`licence` and `metrics`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from . import __version__
from .files import atomic
from .kernel import registry
from .kernel.errors import Error
from .kernel.plugins import SWITCH
from .plain import short
from .recipe import Recipe, from_document
from .stored import not_readable, read_contents
from .weight_headers import FORMAT, KEY, read_header

__all__ = [
    "Weights", "build_network", "check_plugins", "check_tensors", "load_tensors", "network_for", "network_tensors",
    "read_header", "read_tensors", "read_weights", "recipe_in", "save", "saved_states", "skeleton", "write_weights",
]  # fmt: skip

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""What may be stored in place of each other."""
SLACK = 4
"""By how much a network under construction may exceed the tensors it is made for: it could replace some of its own."""
BUILDS_BADLY = (RuntimeError, TypeError, ValueError, ArithmeticError, MemoryError)
"""What torch and Python raise of sizes that nobody can have."""


@dataclass(frozen=True)
class Weights:
    """A trained model as it lies in its file.

    Attributes:
        header: see the module.
        recipe: the recipe it was trained with.
        tensors: the network's state dict; half precision as stored.
    """

    path: Path
    header: Mapping[str, Any]
    recipe: Recipe
    tensors: Mapping[str, Tensor]

    def build(self, device: torch.device | str = "cpu") -> nn.Module:
        """The network in float32, ready to restore with.

        Raises:
            Error: the tensors do not fit it, or are only there for training to begin from.
        """
        if self.header.get("restores") is False:
            raise Error(
                f"{self.path}: restores nothing, training begins from it: i2sbkit train RECIPE --init-from {self.path}"
            )
        net = network_for(self.recipe, self.tensors, self.path)
        own = net.state_dict()
        net.load_state_dict({name: self.tensors[name].to(own[name].dtype) for name in own}, assign=True)
        return net.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


def build_network(recipe: Recipe, channels: int = 3) -> nn.Module:
    """The recipe's network, freshly initialised from torch's global random state."""
    return recipe.parts.backbone.build(channels * 2 if recipe.bridge.cond_x1 else channels, channels)


def skeleton(recipe: Recipe) -> nn.Module:
    """The recipe's network, its parameters allocated and not filled in: for a large one this takes no time or memory.

    What is no parameter, such as a buffer, is as the network made it.
    """
    with _Unfilled():
        return build_network(recipe)


class _Unfilled(TorchFunctionMode):
    """Within the block `torch.nn.init` leaves parameters as they are; memory that nobody wrote to is not yet there."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        target = kwargs.get("tensor", args[0] if args else None)
        if getattr(func, "__module__", None) == "torch.nn.init" and isinstance(target, nn.Parameter):
            return target
        return func(*args, **kwargs)


def network_for(recipe: Recipe, tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """The `skeleton` of a recipe for tensors found in `path`, which fit it.

    A recipe that asks for far more than its file holds ends before memory is taken for it.

    Raises:
        Error: see `check_tensors`; or such a network cannot be made.
    """
    left = [SLACK * len(tensors) + 100, SLACK * sum(tensor.numel() for tensor in tensors.values()) + 10**6]

    def count(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        left[0] -= 1
        left[1] -= parameter.numel()
        if min(left) < 0:
            raise Error(f"{path}: does not fit the network of its recipe, which is several times as large")

    counting = register_module_parameter_registration_hook(count)
    try:
        net = skeleton(recipe)
    except BUILDS_BADLY as error:
        what = f"the network of its recipe cannot be made ({type(error).__name__}: {short(error)})"
        raise Error(f"{path}: {what}; take another copy of the file") from error
    finally:
        counting.remove()
    check_tensors(net.state_dict(), tensors, path)
    return net


def load_tensors(net: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put tensors into a network; every name and shape must fit.

    Raises:
        Error: see `check_tensors`.
    """
    check_tensors(net.state_dict(), tensors, path)
    net.load_state_dict(dict(tensors))


def check_tensors(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path) -> None:
    """See that tensors, found in `path`, fit a network's `own`: the same names, shapes and kinds of numbers.

    Raises:
        Error: naming the first that does not.
    """
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or extra:
        what = f"lacks {missing[0]!r}" if missing else f"has {short(repr(extra[0]))}, which the network lacks"
        raise Error(
            f"{path}: does not fit the network of its recipe: it {what} ({len(missing) + len(extra)} names differ)"
        )
    for name, tensor in own.items():
        if tensor.shape != tensors[name].shape:
            shapes = f"{name!r} is {tuple(tensors[name].shape)}, the network has {tuple(tensor.shape)}"
            raise Error(f"{path}: does not fit the network of its recipe: {shapes}")
        if tensor.dtype != tensors[name].dtype and not {tensor.dtype, tensors[name].dtype} <= set(FLOATS):
            kinds = f"{name!r} is {tensors[name].dtype}, the network has {tensor.dtype}"
            raise Error(f"{path}: does not fit the network of its recipe: {kinds}")


def save(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and header atomically; an OSError says where that cannot be."""
    text = json.dumps({"format": FORMAT, "version": __version__, **header}, sort_keys=True)
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        with atomic(path) as temporary:
            save_file(contiguous, temporary, {KEY: text})
    except SafetensorError as error:
        raise OSError(f"{path}: cannot be written ({short(error)})") from None


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, once its header has been seen to.

    Raises:
        Error: truncated or damaged.
    """
    read_contents(path)
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, RuntimeError) as error:
        raise not_readable(path, error) from None


def network_tensors(path: Path, kind: str) -> dict[str, Tensor]:
    """The network that restores, from a file of this kind: of a training state the averages, and what has none.

    Raises:
        Error: truncated or damaged.
    """
    tensors = read_tensors(path)
    if kind == "weights":
        return tensors
    taken: dict[str, Tensor] = {}
    for group in ("net/", "ema/"):
        taken |= {name.removeprefix(group): tensor for name, tensor in tensors.items() if name.startswith(group)}
    return taken


def read_weights(path: Path) -> Weights:
    """Weights with their recipe.

    Raises:
        Error: the file is not ours or damaged, or its recipe is none that can be used here; in one line.
    """
    header = read_header(path)
    if header.get("kind") != "weights":
        raise Error(f"{path}: a training state; its weights lie beside it in weights.safetensors")
    check_plugins(header, path)
    return Weights(path, header, recipe_in(header, path), read_tensors(path))


def recipe_in(header: Mapping[str, Any], path: Path) -> Recipe:
    """The recipe that the header of a file holds.

    Raises:
        Error: all that is wrong with it, in one line.
    """
    try:
        return from_document(header["recipe"], lambda keys: "", base=path.parent.absolute(), name=path.stem)
    except Error as error:
        told = "; ".join(line.removeprefix(": ") for line in str(error).splitlines())
        raise Error(f"{path}: its recipe cannot be used here: {short(told)}") from None


def write_weights(path: Path, tensors: Mapping[str, Tensor], recipe: Recipe, **facts: Any) -> None:
    """Write a model: its tensors, its recipe and what is known of it (step, data, licence, metrics); see `save`."""
    save(path, tensors, {"kind": "weights", "recipe": recipe.document, "plugins": recipe.origins, **facts})


def check_plugins(header: Mapping[str, Any], path: Path) -> None:
    """See that the parts of a file are installed; of a file that does not record their origins nothing is asked.

    Raises:
        Error: one is not, or more than one has its name; the message says where it came from and what to type.
    """
    for kind, origin in dict(header.get("plugins", {})).items():
        distribution, _, version = origin.rpartition(" ")
        try:
            registry.default().get(kind, header["recipe"][kind]["name"])
        except Error as error:
            way_out = f"pip install {distribution}=={version}; where that is done, {SWITCH}={distribution}"
            raise Error(f"{path}: needs {origin} ({way_out}): {short(error)}") from None


def saved_states(run: Path) -> list[Path]:
    """The training states of a run folder, newest first."""
    return sorted(run.glob("state-*.safetensors"), reverse=True)
