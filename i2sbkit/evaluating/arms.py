"""The ways to restore that are compared: samplers by their options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from itertools import product
from typing import Any

from ..api import Model
from ..kernel import registry
from ..kernel.errors import Error
from ..kernel.interfaces import Sampler
from ..part_text import table_of
from ..restoring import Restorer, Settings
from ..results.evaluation import Arm


@dataclass(frozen=True)
class Way:
    """An arm and what restores in it."""

    arm: Arm
    restorer: Restorer


def ways(
    model: Model,
    base: Settings,
    samplers: Sequence[str] = (),
    nfes: Sequence[int] = (),
    etas: Sequence[float] = (),
) -> list[Way]:
    """Every combination, those that restore alike once; what is empty is as in `base`.

    Args:
        etas: for those of the samplers that have such an option.

    Raises:
        Error: no such sampler, one that does not fit the weights or cannot take so many evaluations, or etas of none.
    """
    names = samplers or [str(model.weights.recipe.document["sampler"]["name"])]
    if etas and not any(map(has_eta, names)):
        raise Error(f"--eta: no such option of {', '.join(names)}; leave it out, or give a --sampler that has it")
    found: list[Way] = []
    grid: Sequence[Sequence[Any]] = (samplers or [None], nfes or [None], etas or [None])
    for sampler, nfe, eta in product(*grid):
        options = {"sampler": sampler, "nfe": nfe, "eta": eta if has_eta(sampler or names[0]) else None}
        given = {key: value for key, value in options.items() if value is not None}
        restorer = model.restorer(replace(base, **given))
        arm = Arm(restorer.sampler_name, told(restorer.sampler))
        if all(way.restorer.sampler != restorer.sampler for way in found):  # two names of one sampler are one arm
            found.append(Way(arm, restorer))
    return found


def has_eta(sampler: str) -> bool:
    """Whether a sampler, named with or without options, has an eta."""
    return "eta" in registry.options(registry.default().get("sampler", table_of("sampler", sampler)["name"]))


def told(sampler: Sampler) -> dict[str, Any]:
    """The options that tell a sampler from others of its kind: nfe first, and what is not as by default."""
    options = {}
    for field in sorted(fields(sampler), key=lambda field: field.name != "nfe"):  # type: ignore[arg-type]
        value = getattr(sampler, field.name)
        if field.name == "nfe" or field.default is MISSING or value != field.default:
            options[field.name] = value
    return options
