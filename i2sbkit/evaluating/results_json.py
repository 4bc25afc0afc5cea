"""The results of an evaluation as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..printable import finite
from ..results.evaluation import Results


def as_json(results: Results) -> dict[str, Any]:
    """The results as JSON values, each arm with its label; what is not finite is null."""
    document = asdict(results)
    for row, arm in zip(document["arms"], results.arms, strict=True):
        row["label"] = arm.arm.label
    document["settings"] = dict(results.settings)
    found: dict[str, Any] = finite(document)
    return found
