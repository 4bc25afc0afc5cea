"""Weights as others get them: what a file says of itself, and how a run becomes a file to publish."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from .checkpoint import check_plugins, network_tensors, read_header, write_weights
from .document.schema import SECTIONS
from .kernel.errors import Error
from .kernel.plugins import PARTS
from .part_text import table_of
from .recipe import PATHS, Recipe, from_document
from .shipped import find_weights

NOT_FACTS = {"format", "version", "kind", "recipe", "plugins", "ema_updates", "scaler", "masks"}
"""Keys of a header that are written anew, or only a training goes on from."""

SUMS = ("sha256_before", "tensors_sha256")
"""What `tune` writes for `weights check`: of one file, which later tuning is told apart from."""


def summary(path: Path) -> dict[str, Any]:
    """What a weights file or training state is, without reading a tensor.

    `parameters` counts every number of the network that is stored, buffers too; `size_mb` is in 10^6 bytes.

    Raises:
        Error: not one of our files.
    """
    header = whole_header(path)
    recipe: Mapping[str, Any] = header["recipe"]
    prefix = "" if header["kind"] == "weights" else "net/"
    with safe_open(path, "pt") as file:
        slices = [file.get_slice(name) for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 - not a dict
    return {
        "task": path.stem,
        "file": str(path),
        "size_mb": round(path.stat().st_size / 1e6, 2),
        "parameters": sum(torch.Size(piece.get_shape()).numel() for piece in slices),
        "stored_as": sorted({piece.get_dtype() for piece in slices}),
        "corruption": recipe["corruption"],
        "sampler": recipe["sampler"]["name"],
        "nfe": recipe["sampler"].get("nfe"),
        "licence": header.get("licence"),
        "metrics": header.get("metrics"),
    }


def export(
    source: str | Path,
    out: Path,
    *,
    half: bool = False,
    licence: str | None = None,
    sampler: str | None = None,
    nfe: int | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Make a weights file to publish; paths in its recipe are reduced to file names.

    What was measured is left out where the file restores otherwise by default than its source did.

    Args:
        source: a run folder, a training state (its averages are taken), a weights file or a bundled task.
        half: store float16 in place of float32.
        licence: of the weights; None keeps what the source says.
        sampler: name of the sampler that the weights restore with by default; None keeps the recipe's.
        nfe: its number of network evaluations; None keeps the recipe's.
        overwrite: replace `out` where it exists.

    Returns:
        The summary of what was written.

    Raises:
        Error: the source is none of these or damaged, `out` exists, the sampler does not fit, or a weight is too large
            for float16.
    """
    if out.suffix != ".safetensors":
        raise Error(f"{out}: name it {out.with_name(out.name + '.safetensors')}")
    if out.exists() and not overwrite:
        raise Error(f"{out}: exists already; --overwrite replaces it")
    path = find_weights(source)
    header = whole_header(path)
    check_plugins(header, path)
    recipe = _public_recipe(header["recipe"], path, sampler, nfe)
    tensors = network_tensors(path, header["kind"])
    facts = _facts(header, recipe)
    if licence is not None:
        facts["licence"] = licence
    write_weights(out, _halved(tensors, path) if half else tensors, recipe, **facts)
    return summary(out)


def whole_header(path: Path) -> dict[str, Any]:
    """The header of weights or a state, its kind known and all the sections of a recipe in it.

    Raises:
        Error: it lacks them, or see `checkpoint.read_header`.
    """
    header = read_header(path)
    recipe = header.get("recipe")
    whole = isinstance(recipe, dict) and all(isinstance(recipe.get(name), dict) for name in [*PARTS, *SECTIONS])
    if not whole or header.get("kind") not in ("weights", "state"):
        raise Error(f"{path}: its i2sbkit header is damaged: it lacks its kind or sections of its recipe")
    return header


def _facts(header: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """What a header says beside its recipe that is true of a copy with this recipe too."""
    facts = {key: value for key, value in header.items() if key not in NOT_FACTS}
    before, sampler = header["recipe"]["sampler"], recipe.document["sampler"]
    if {**sampler, **before} != sampler:  # an option that was not known then has its default
        facts.pop("metrics", None)
    if "tuned" in facts:  # its sums are of the file itself, see `verifying`
        facts["tuned"] = {key: value for key, value in facts["tuned"].items() if key not in SUMS}
    return facts


def _halved(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Floating-point tensors as float16.

    Raises:
        Error: a number does not fit.
    """
    result = {}
    for name, tensor in tensors.items():
        result[name] = tensor.half() if tensor.is_floating_point() else tensor
        if not torch.isfinite(result[name]).all():
            raise Error(f"{path}: {name!r} holds numbers beyond float16's 65504, or none; export without --half")
    return result


def _public_recipe(document: Mapping[str, Any], path: Path, sampler: str | None, nfe: int | None) -> Recipe:
    """The recipe with its default sampler replaced where asked, and without anybody's folders."""
    public: dict[str, dict[str, Any]] = json.loads(json.dumps(document))
    for section, key in PATHS:
        public[section][key] = _names_only(public[section].get(key))
    before = public["sampler"]
    if sampler and sampler != before["name"]:
        public["sampler"] = ({"nfe": before["nfe"]} if "nfe" in before else {}) | table_of("sampler", sampler)
    if nfe is not None:
        public["sampler"]["nfe"] = nfe
    asked = " ".join(f"--{key} {value}" for key, value in (("sampler", sampler), ("nfe", nfe)) if value is not None)
    recipe = from_document(
        public, lambda keys: asked if asked and keys[0] == "sampler" else str(path), base=path.parent, name=path.stem
    )
    if recipe.parts.bridge.ot_ode and recipe.parts.sampler.stochastic:
        name = public["sampler"]["name"]
        raise Error(
            f"{path}: trained as OT-ODE, which the stochastic sampler {name!r} does not fit; take --sampler ode"
        )
    return recipe


def _names_only(paths: Any) -> Any:
    """The last part of a path or of each of a list; Windows paths have both separators, so they serve for all."""
    if isinstance(paths, list):
        return [_names_only(each) for each in paths]
    return PureWindowsPath(paths).name if isinstance(paths, str) else paths
