"""The damages of the comparison and the pictures they are done to: the same cases for every peer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from i2sbkit import registry
from i2sbkit.images import from_uint8, to_uint8
from i2sbkit.kernel.rng import derive_seed
from i2sbkit.pairs import quantized
from i2sbkit.sources.photographs import centre, read_photograph
from i2sbkit.sources.shards import Sample, open_index

from .peer import Case

SIZE = 256
SETTINGS: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("settings.json").read_text("utf-8"))
"""By "task: peer" and damage, which of its choices a peer is run with; `quality_settings.py` writes it."""

DAMAGES: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "jpeg": {f"quality {quality}": ("jpeg", {"quality": quality}) for quality in (5, 10, 20, 40)},
    "blur": {
        "uniform 9": ("blur", {"size": 9}),
        "uniform 5": ("blur", {"size": 5}),
        "gaussian 5, sigma 10": ("blur", {"kernel": "gaussian", "size": 5, "sigma": 10.0}),
        "gaussian 21, sigma 3": ("blur", {"kernel": "gaussian", "size": 21, "sigma": 3.0}),
    },
    "sr4x": {name: ("superres", {"scale": 4, "filter": name}) for name in ("bicubic", "pool")},
    "inpaint": {
        "centre": ("inpaint", {"shape": "center"}),
        "freeform 10-20 %": ("inpaint", {"shape": "freeform", "ratio": (0.1, 0.2)}),
        "freeform 20-30 %": ("inpaint", {"shape": "freeform", "ratio": (0.2, 0.3)}),
        "box": ("inpaint", {"shape": "box"}),
    },
}


@dataclass(frozen=True)
class Picture:
    """A clean crop (h, w, 3) uint8, its name, and the digest of its pixels."""

    name: str
    clean: np.ndarray

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.clean.tobytes()).hexdigest()[:16]


def read_pictures(data: str | Path, count: int | None = None) -> list[Picture]:
    """The middle `SIZE` pixels of the photographs in a folder or in shards, evenly chosen where only some are wanted.

    Raises:
        Error: there are none, or one cannot be read.
    """
    samples = open_index([data]).samples
    count = min(count or len(samples), len(samples))
    return [_read(samples[len(samples) * number // count]) for number in range(count)]


def _read(sample: Sample) -> Picture:
    photograph = read_photograph(sample, False, 1)
    photograph = photograph.resized(SIZE) if photograph.shorter < SIZE else photograph
    down, right = photograph.spare(SIZE)
    crop = photograph.cut(centre(down, False), centre(right, False), SIZE).clean
    return Picture(sample.key, np.ascontiguousarray(crop.permute(1, 2, 0).numpy()))


def damaged(picture: Picture, task: str, damage: str) -> Case:
    """A picture damaged and rounded to 8 bits; what is drawn follows from its content and the damage alone."""
    name, options = DAMAGES[task][damage]
    corruption = registry.build("corruption", name, **options)
    x0 = from_uint8(torch.from_numpy(picture.clean)).permute(2, 0, 1).contiguous()
    rng = torch.Generator().manual_seed(derive_seed(0, task, damage, picture.clean.tobytes()))
    y = quantized(corruption.corrupt(x0, rng))
    kernel = y.params.get("kernel")
    return Case(
        to_uint8(y.image).permute(1, 2, 0).contiguous().numpy(),
        None if y.mask is None else y.mask[0].numpy() > 0,
        None if kernel is None else kernel.double().numpy(),
        corruption.scale,
        y.params.get("file"),
    )


def untouched(case: Case) -> np.ndarray:
    """What there is without any peer: the picture as it came, its pixels repeated where it is small."""
    return case.image.repeat(case.scale, axis=0).repeat(case.scale, axis=1)


def setting_of(task: str, peer: str, damage: str) -> Any:
    """The choice a peer is run with for a damage; None where it has none."""
    return SETTINGS.get(f"{task}: {peer}", {}).get(damage)
