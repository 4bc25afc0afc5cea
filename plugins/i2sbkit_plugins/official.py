"""Reading what the authors published: results of NVlabs/I2SB, and ADM's network that training begins from.

I2SB (Liu et al. 2023) writes results/NAME/latest.pt and options.pkl; its averages are torch_ema's: a bare list in the
order of the parameters. ADM (Dhariwal & Nichol 2021) publishes 256x256_diffusion_uncond.pt, a plain state dict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from torch import Tensor

import i2sbkit

from .official_files import float_tensors, is_checkpoint, is_table, read_checkpoint, read_options
from .official_shapes import HEADS, NotThisAdm, architecture

PREFIX = "diffusion_model."
"""Of every name in the authors' latest.pt: the network is a member of a wrapper."""
DEFAULT_NFE = 100
TASKS: dict[str, dict[str, Any]] = {
    "jpeg-5": {"name": "jpeg-i2sb", "quality": 5},
    "jpeg-10": {"name": "jpeg-i2sb", "quality": 10},
    "blur-uni": {"name": "blur-i2sb", "kernel": "uniform"},
    "blur-gauss": {"name": "blur-i2sb", "kernel": "gaussian"},
    "sr4x-pool": {"name": "superres", "scale": 4, "filter": "pool"},
    "sr4x-bicubic": {"name": "superres", "scale": 4, "filter": "bicubic"},
    "inpaint-center": {"name": "inpaint", "shape": "center"},
    "inpaint-freeform1020": {"name": "inpaint", "shape": "freeform", "ratio": [0.1, 0.2]},
    "inpaint-freeform2030": {"name": "inpaint", "shape": "freeform", "ratio": [0.2, 0.3]},
}
TASKS["mixture"] = {"name": "mixture", "of": list(TASKS.values())}
KINDS: dict[str, type | tuple[type, ...]] = {
    "corrupt": str, "image_size": int, "interval": int, "beta_max": (int, float), "t0": (int, float), "T": (int, float),
    "batch_size": int, "microbatch": int, "num_itr": int, "lr": (int, float), "lr_gamma": (int, float), "lr_step": int,
    "l2_norm": (int, float), "ema": (int, float),
}  # fmt: skip
"""What a recipe takes from the options, and its type."""
PAPER: dict[str, Any] = {
    "interval": 1000, "beta_max": 0.3, "ot_ode": False, "cond_x1": False, "add_x1_noise": False, "num_itr": 1_000_000,
    "batch_size": 256, "microbatch": 2, "lr": 5e-5, "lr_gamma": 0.99, "lr_step": 1000, "l2_norm": 0.0, "ema": 0.99,
}  # fmt: skip
"""The defaults of the authors' train.py."""


@i2sbkit.hookimpl
def importers() -> dict[str, Callable[[Path], i2sbkit.Imported | None]]:
    return {"i2sb": read_results, "adm": read_adm}


def read_results(source: Path) -> i2sbkit.Imported | None:
    """A folder of NVlabs/I2SB with latest.pt and options.pkl in it, or the former; the averages are taken.

    Raises:
        i2sbkit.Error: damaged, unsafe, or trained in a way that no recipe can say.
    """
    path = source / "latest.pt" if source.is_dir() else source
    if path.name != "latest.pt" or not path.is_file():
        return None
    options = _checked(read_options(path.with_name("options.pkl")), path.with_name("options.pkl"))
    checkpoint = read_checkpoint(path)
    tensors = _averages(checkpoint, path)
    backbone = _architecture(tensors, options["image_size"], path)
    sees_x1 = tensors["input_blocks.0.0.weight"].shape[1] == 6
    if sees_x1 != options["cond_x1"]:
        raise i2sbkit.Error(
            f"{path}: cond_x1 is {options['cond_x1']} in options.pkl, which its first layer does not fit"
        )
    nfe = min(DEFAULT_NFE, options["interval"] - 1)
    assumed = [
        _heads_assumed(),
        f"sampler.nfe = {nfe}; the authors' own default is {options['interval'] - 1}",
        "the licence, CC-BY-NC-SA-4.0: that of the weights the authors publish",
    ]
    updates = checkpoint["ema"].get("num_updates")
    facts = {
        "step": updates if isinstance(updates, int) else 0,
        "licence": "CC-BY-NC-SA-4.0 (the authors' weights)",
        "source": f"NVlabs/I2SB, {path.parent.resolve().name}",
    }
    return i2sbkit.Imported(_document(options, backbone, nfe), tensors, assumed, facts)


def read_adm(source: Path) -> i2sbkit.Imported | None:
    """ADM's 256x256_diffusion_uncond.pt: what training begins from, its outputs cut to the three that are no variance.

    Raises:
        i2sbkit.Error: damaged, unsafe, or another network of ADM's.
    """
    if not (source.is_file() and is_checkpoint(source)):
        return None
    found = read_checkpoint(source)
    if "input_blocks.0.0.weight" not in found or not _named_tensors(found):
        return None
    tensors = float_tensors(found, source)
    named = re.match(r"(\d+)x\1_", source.name)
    size = int(named[1]) if named else 256
    backbone = _architecture(tensors, size, source)
    cut = {name: tensor[:3] for name, tensor in tensors.items() if name.startswith("out.2.")}
    assumed = [
        _heads_assumed(),
        f"backbone.image_size = {size}, {'the size in its name' if named else 'as in the network I2SB begins from'}",
        "only [backbone] is known: the other sections are the paper's jpeg-10, and the recipe to train replaces them",
        "the licence, MIT: that of guided-diffusion",
    ]
    options = {**PAPER, "corrupt": "jpeg-10", "image_size": size}
    facts = {"licence": "MIT", "source": f"openai/guided-diffusion, {source.name}", "restores": False}
    return i2sbkit.Imported(_document(options, backbone, DEFAULT_NFE), tensors | cut, assumed, facts)


def _checked(options: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The options that a recipe is made of.

    Raises:
        i2sbkit.Error: one is missing, of another type, or has a value that our schedule cannot have.
    """
    for key, kind in KINDS.items():
        value = options.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise i2sbkit.Error(f"{path}: {key} is {value!r}; these are not the options of a training of I2SB")
    if options["corrupt"] not in TASKS:
        raise i2sbkit.Error(f"{path}: corrupt is {options['corrupt']!r}; known are {', '.join(TASKS)}")
    if (options["t0"], options["T"]) != (1e-4, 1.0):
        times = f"from t0 = {options['t0']} to T = {options['T']}"
        raise i2sbkit.Error(f"{path}: its network is told times {times}; the schedule i2sb has 0.0001 to 1 alone")
    flags = {key: bool(options.get(key, False)) for key in ("ot_ode", "cond_x1", "add_x1_noise")}
    return {**{key: options[key] for key in KINDS}, **flags}


def _averages(checkpoint: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The averaged parameters under the names of the network's, float32.

    Raises:
        i2sbkit.Error: the lists do not go together.
    """
    net, ema = checkpoint.get("net"), checkpoint.get("ema")
    shadow = ema.get("shadow_params") if is_table(ema) else None
    if not (_named_tensors(net) and isinstance(shadow, list) and all(isinstance(t, Tensor) for t in shadow)):
        raise i2sbkit.Error(f"{path}: lacks `net` or the averages in `ema`, which I2SB writes")
    names = [name.removeprefix(PREFIX) for name in net]
    wanted, given = [tuple(t.shape) for t in net.values()], [tuple(t.shape) for t in shadow]
    if wanted != given:
        raise i2sbkit.Error(f"{path}: its {len(given)} averages are not its {len(wanted)} parameters in their order")
    return float_tensors(dict(zip(names, shadow, strict=True)), path)


def _named_tensors(found: object) -> TypeGuard[Mapping[str, Tensor]]:
    return is_table(found) and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items())


def _architecture(tensors: Mapping[str, Tensor], size: int, path: Path) -> dict[str, Any]:
    try:
        return architecture({name: tuple(tensor.shape) for name, tensor in tensors.items()}, size)
    except NotThisAdm as error:
        raise i2sbkit.Error(f"{path}: no network that backbone `adm` has: {error}") from None


def _heads_assumed() -> str:
    return f"backbone.num_head_channels = {HEADS}, which no shape tells; otherwise --set backbone.num_head_channels=16"


def _document(options: Mapping[str, Any], backbone: Mapping[str, Any], nfe: int) -> dict[str, dict[str, Any]]:
    """The recipe of a training by the authors' code; where its photographs lie nobody knows."""
    return {
        "corruption": TASKS[options["corrupt"]],
        "schedule": {"name": "i2sb", "steps": options["interval"], "beta_max": options["beta_max"]},
        "bridge": {key: options[key] for key in ("ot_ode", "cond_x1", "add_x1_noise")},
        "backbone": dict(backbone),
        "sampler": {"name": "ode" if options["ot_ode"] else "sde", "nfe": nfe},
        "data": {
            "train": [],
            "size": options["image_size"],
            "val_size": options["image_size"],
            "crop": "center",
            "quantize": False,
        },
        "train": {
            "iterations": options["num_itr"],
            "batch": options["batch_size"],
            "microbatch": options["microbatch"],
            "lr": options["lr"],
            "lr_step": options["lr_step"],
            "lr_gamma": options["lr_gamma"],
            "weight_decay": options["l2_norm"],
            "ema": options["ema"],
        },
    }
