"""The bundled weights, as `i2sbkit restore --task` runs them, one evaluation each unless the weights say otherwise."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import numpy as np

import i2sbkit
from i2sbkit.shipped import bundled

from .peer import Case, Missing, Peer, Restore, Source

TOLD = {"inpaint": "the mask"}
UNTOLD = "no bundled weights yet"


def weights_of(task: str) -> str:
    """The version of our rows: what weights there are.

    Raises:
        Missing: none for this task.
    """
    path = bundled().get(task)
    if path is None:
        raise Missing(UNTOLD)
    return f"weights {hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"


def restorer(task: str, told: bool) -> Restore:
    """Restores by the weights' own defaults."""
    model = i2sbkit.load(task, device="cpu")

    def restore(case: Case) -> np.ndarray:
        more: dict[str, Any] = {} if case.mask is None else {"mask": case.mask}
        if told:
            more["kernel"] = case.kernel
        return np.asarray(model.restore(np.ascontiguousarray(case.image), **more))

    return restore


def row(task: str, name: str, told: bool = False) -> Peer:
    """A row of ours."""
    source = Source(("i2sbkit",), UNTOLD, partial(weights_of, task))
    saying = "the kernel" if told else TOLD.get(task, "")
    return Peer(name, task, source, lambda _: restorer(task, told), told=saying, ours=True)


PEERS = [
    row("jpeg", "i2sbkit jpeg"),
    row("blur", "i2sbkit blur"),
    row("blur", "i2sbkit blur told", told=True),
    row("sr4x", "i2sbkit sr4x"),
    row("inpaint", "i2sbkit inpaint"),
]
