"""Whether weights are whole, and bundled ones still what was published."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .checkpoint import check_plugins, network_for, read_header, read_tensors, recipe_in
from .kernel.errors import Error
from .publishing import whole_header
from .shipped import REINSTALL, bundled, published_sums
from .stored import not_readable


@dataclass(frozen=True)
class Checked:
    """What a check of a weights file found.

    Attributes:
        sha256: of the file, in hexadecimal digits; None where it cannot be read.
        published: whether that is the sum that SHA256SUMS has of these bundled weights, or was before `i2sbkit tune`
            wrote into their header; None of other files.
        problem: what is wrong and what to do, or None.
        tuned: the sum is another than the published one, because `i2sbkit tune` wrote into the header.
    """

    file: str
    sha256: str | None
    published: bool | None
    problem: str | None
    tuned: bool = False


def check(path: Path) -> Checked:
    """See that a weights file or training state is whole, and of bundled weights that they are what was published.

    Whole is one whose header can be read, whose parts are installed, and whose tensors are finite and fit the network
    of its recipe. A training state's averages and moments are seen to as well.

    Raises:
        Error: it is one of the bundled, and there is no readable list of their sums.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Checked(str(path), None, None, f"{path}: cannot be read ({error.strerror})")
    place = next((each for each in bundled().values() if each.resolve() == path.resolve()), None)
    wanted = None if place is None else published_sums().get(place)
    published = None if place is None else wanted is not None and wanted in (digest, _sum_before_tuning(path))
    if published is False:
        problem = f"{path}: not the file that was published: its SHA-256 is not that in SHA256SUMS; {REINSTALL}"
        return Checked(str(path), digest, published, problem)
    try:
        _see_that_it_fits(path)
    except Error as error:
        return Checked(str(path), digest, published, "; ".join(str(error).splitlines()))
    return Checked(str(path), digest, published, None, tuned=place is not None and digest != wanted)


def tensors_sum(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of names, types, shapes and values, whatever header they have."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


def _sum_before_tuning(path: Path) -> str | None:
    """What the file's sum was before `i2sbkit tune` changed its header, if that is all that changed."""
    try:
        tuned = read_header(path).get("tuned")
        if isinstance(tuned, dict) and tensors_sum(read_tensors(path)) == tuned.get("tensors_sha256"):
            return str(tuned.get("sha256_before"))
    except Error:
        return None
    return None


def check_bundled() -> list[Checked]:
    """The same of all bundled weights, and of those that SHA256SUMS lists and that are missing.

    Raises:
        Error: see `check`.
    """
    places = list(bundled().values())
    lost = [path for path in published_sums() if path not in places]
    missing = [Checked(str(path), None, False, f"{path}: missing; {REINSTALL}") for path in lost]
    return [*map(check, places), *missing]


def _see_that_it_fits(path: Path) -> None:
    """See that a file can be restored from.

    Raises:
        Error: it cannot.
    """
    header = whole_header(path)
    check_plugins(header, path)
    recipe = recipe_in(header, path)
    shapes = _finite_tensors(path)
    if header["kind"] == "state":
        shapes = {name.partition("/")[2]: shapes[name] for name in shapes if name.startswith(("net/", "ema/"))}
    network_for(recipe, shapes, path)


def _finite_tensors(path: Path) -> dict[str, Tensor]:
    """The names, shapes and types of all tensors, on the device "meta"; one at a time is read.

    Raises:
        Error: one cannot be read, or holds infinity or nan.
    """
    found = {}
    try:
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                tensor = file.get_tensor(name)
                if not torch.isfinite(tensor).all():
                    raise Error(f"{path}: {name!r} holds infinity or nan; export an earlier state of its run")
                found[name] = torch.empty_like(tensor, device="meta")
    except (SafetensorError, OSError, RuntimeError) as error:  # RuntimeError: numbers that torch knows by name alone
        raise not_readable(path, error) from None
    return found
