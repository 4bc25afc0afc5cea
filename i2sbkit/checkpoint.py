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
from torch.overrides import TorchFunctionMode

from . import __version__
from .files import atomic
from .kernel import registry
from .kernel.errors import Error
from .kernel.plugins import SWITCH
from .recipe import Recipe, from_document

FORMAT = 1
KEY = "i2sbkit"


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
        net = skeleton(self.recipe)
        own = net.state_dict()
        check_tensors(own, self.tensors, self.path)
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


def load_tensors(net: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put tensors into a network; every name and shape must fit.

    Raises:
        Error: see `check_tensors`.
    """
    check_tensors(net.state_dict(), tensors, path)
    net.load_state_dict(dict(tensors))


def check_tensors(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path) -> None:
    """See that tensors, found in `path`, fit a network's `own`: the same names and shapes.

    Raises:
        Error: naming the first that does not.
    """
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or extra:
        what = f"lacks {missing[0]!r}" if missing else f"has {extra[0]!r}, which the network lacks"
        raise Error(
            f"{path}: does not fit the network of its recipe: it {what} ({len(missing) + len(extra)} names differ)"
        )
    for name, tensor in own.items():
        if tensor.shape != tensors[name].shape:
            found, wanted = tuple(tensors[name].shape), tuple(tensor.shape)
            raise Error(
                f"{path}: does not fit the network of its recipe: {name!r} is {found}, the network has {wanted}"
            )


def save(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and header atomically."""
    stamped = {"format": FORMAT, "version": __version__, **header}
    with atomic(path) as temporary:
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, temporary, {KEY: json.dumps(stamped, sort_keys=True)})


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of one of our files, without reading a tensor.

    Raises:
        Error: no such file, not safetensors, not ours, damaged, or of a newer format.
    """
    if not path.is_file():
        raise Error(f"{path}: no such weights file; `i2sbkit weights list` shows the bundled ones")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise Error(f"{path}: not a readable safetensors file ({error})") from None
    if KEY not in metadata:
        raise Error(
            f"{path}: safetensors, but not written by i2sbkit; bring foreign weights in with `i2sbkit weights import`"
        )
    try:
        header = json.loads(metadata[KEY])
        newer = header["format"] > FORMAT
        whole = newer or (isinstance(header["recipe"], dict) and _origins_fit(header))
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise Error(f"{path}: its i2sbkit header is damaged; take another copy of the file")
    if newer:
        raise Error(
            f"{path}: format {header['format']} is newer than this i2sbkit {__version__} knows; pip install -U i2sbkit"
        )
    return dict(header)


def _origins_fit(header: Mapping[str, Any]) -> bool:
    origins = dict(header.get("plugins", {}))
    return all(isinstance(text, str) for kind in origins for text in (origins[kind], header["recipe"][kind]["name"]))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file.

    Raises:
        Error: truncated or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise Error(f"{path}: not a readable safetensors file ({error})") from None


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
        Error: the file is not ours or damaged, or its recipe names a part that is not installed.
    """
    header = read_header(path)
    if header.get("kind") != "weights":
        raise Error(f"{path}: a training state; its weights lie beside it in weights.safetensors")
    check_plugins(header, path)
    recipe = from_document(header["recipe"], lambda keys: str(path), base=path.parent.absolute(), name=path.stem)
    return Weights(path, header, recipe, read_tensors(path))


def write_weights(path: Path, tensors: Mapping[str, Tensor], recipe: Recipe, **facts: Any) -> None:
    """Write a model: its tensors, its recipe and what is known of it (step, data, licence, metrics)."""
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
            raise Error(f"{path}: needs {origin} ({way_out}): {error}") from None


def saved_states(run: Path) -> list[Path]:
    """The training states of a run folder, newest first."""
    return sorted(run.glob("state-*.safetensors"), reverse=True)
