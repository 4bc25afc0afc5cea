"""Files that must be fetched by hand: which, from where, to where, and whether they are the right ones."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..kernel.errors import Error

VARIABLE = "I2SBKIT_METRICS"
"""The environment variable that names the folder."""


@dataclass(frozen=True)
class WeightFile:
    """A published file of weights.

    Attributes:
        url: where it is; its last part is the name that it is looked for under.
        sha256: of its content.
    """

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Of the file, as published."""
        return self.url.rpartition("/")[2]

    def load(self) -> dict[str, Tensor]:
        """Its tensors by name.

        Raises:
            Error: it is not there, with what to fetch, or is not the published file.
        """
        path = folder() / self.name
        if not path.is_file():
            raise Error(f"{path} is missing, and nothing is downloaded: fetch {self.url} to that folder ({VARIABLE})")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise Error(f"{path}: not the published file, SHA-256 {found}; fetch {self.url} again ({self.sha256})")
        tensors: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
        return tensors


def folder() -> Path:
    """Where files are looked for: what `I2SBKIT_METRICS` names, else ~/.cache/i2sbkit/metrics."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path.home() / ".cache/i2sbkit/metrics"
