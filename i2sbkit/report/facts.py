"""What a page says of how its pictures were restored."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from typing import Any

import torch

from .. import __version__
from ..jobs.manifest import sha256_of
from ..printable import spell
from ..restoring import Restorer, options_of
from .html import Html, escape

TOLD = {"mask": "Mask", "mask_color": "Mask colour", "feather": "Feather (px)", "kernel": "Kernel"}
"""What a page calls that which the user says of the damage."""


def settings_of(restorer: Restorer, samples: int, told: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Weights, settings and versions, as terms and their values.

    Args:
        told: what the user says of the damage, by the names in `TOLD`.
    """
    weights, settings = restorer.weights, restorer.settings
    tile = {None: "automatic", 0: "whole pictures"}.get(settings.tile, f"{settings.tile} px")
    return [
        ("Weights", weights.path.stem),
        ("Trained to undo", spell(weights.recipe.document["corruption"])),
        ("Licence", weights.header.get("licence") or "not stated"),
        ("Sampler", spell({"name": restorer.sampler_name, **options_of(restorer.sampler)})),
        *([("Forced", "yes")] if settings.force else []),
        *((term, told[name]) for name, term in TOLD.items() if name in told),
        ("Consistency", settings.pull("kernel" in told) or "none"),
        ("Seed", settings.seed),
        ("Draws", f"{samples} a picture" + (", the first is shown" if samples > 1 else "")),
        ("Tiles", tile),
        ("Precision", settings.precision),
        ("Device", device_name(restorer.device)),
        ("Versions", f"i2sbkit {__version__}, torch {torch.__version__}, Python {platform.python_version()}"),
        ("Made", made_at()),
        ("File", Html(f"<code>{escape(weights.path.name)}</code>")),
        ("SHA-256", Html(f"<code>{sha256_of(weights.path)}</code>")),
    ]


def device_name(device: torch.device) -> str:
    """Such as "cpu" or "cuda:0, NVIDIA H100"."""
    return f"{device}, {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def made_at() -> str:
    """The time, in UTC; or the one in SOURCE_DATE_EPOCH, for pages that should come out the same again."""
    now = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
