"""Peers run on cases, in one thread; what they made and their seconds are kept, so that a run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .cases import Picture, damaged, setting_of
from .peer import Case, Peer, Restore


@dataclass(frozen=True)
class Run:
    """What one peer made of one damage.

    Attributes:
        results: (H, W, 3) uint8 each, in the order of the pictures.
        seconds: of the processor, a picture each.
    """

    results: list[np.ndarray]
    seconds: list[float]

    @property
    def typical(self) -> float:
        """Median seconds."""
        return statistics.median(self.seconds)


def one_thread() -> None:
    """Let this process and what it starts use one core, so that no library takes more than a thread's worth."""
    import torch

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)


def processor_seconds() -> float:
    """Of this process and of those that it has started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run(
    peer: Peer, versions: str, pictures: Sequence[Picture], damage: str, kept: Path, told: Callable[[str], Any]
) -> Run:
    """Run a peer on a damage, or read what it made before.

    Args:
        versions: of the peer; others are other results.
        kept: the folder that keeps them.
        told: is told of every picture that is done.

    Raises:
        ValueError: the peer gives something else than a picture of the right size.
    """
    setting = setting_of(peer.task, peer.name, damage)
    identity = repr((peer.task, peer.name, versions, setting, damage))
    folder = kept / hashlib.sha256(identity.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("what.txt").write_text(identity, "utf-8")
    restore: Restore | None = None
    done = Run([], [])
    for picture in pictures:
        path, timed = folder / f"{picture.digest}.png", folder / f"{picture.digest}.json"
        if not timed.exists():
            case = damaged(picture, peer.task, damage)
            if restore is None:
                restore = peer.load(setting)
                restore(case)  # the first call of many a library is slow
            result, seconds = _timed(peer, restore, case)
            Image.fromarray(result).save(path, compress_level=1)
            timed.write_text(json.dumps(seconds), "utf-8")
            told(f"{peer.task}, {damage}, {peer.name}: {picture.name} {seconds:.2f} s")
        with Image.open(path) as file:
            done.results.append(np.asarray(file))
        done.seconds.append(json.loads(timed.read_text("utf-8")))
    return done


def _timed(peer: Peer, restore: Restore, case: Case) -> tuple[np.ndarray, float]:
    began = processor_seconds()
    result = np.ascontiguousarray(restore(case))
    seconds = processor_seconds() - began
    wanted = (case.image.shape[0] * case.scale, case.image.shape[1] * case.scale, 3)
    if result.shape != wanted or result.dtype != np.uint8:
        raise ValueError(f"{peer.name} gives {result.dtype} {result.shape}, not uint8 {wanted}")
    return result, seconds
