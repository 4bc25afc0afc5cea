"""The methods of data consistency, by name: what `--consistency METHOD[:STRENGTH]` takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .kernel.consistency import Pull, consistent, deeply, gradient_step, projection
from .kernel.errors import Error, NotLinear
from .kernel.interfaces import Corruption, Denoise, Observation

Wrapper = Callable[[Denoise], Denoise]


@dataclass(frozen=True)
class Method:
    """A way to pull estimates towards an observation.

    Attributes:
        pull: of one observation.
        wrap: makes a wrapper of `denoise` of the pulls.
        strength: the default.
        most: the largest strength.
    """

    pull: Callable[[Corruption, Observation], Pull]
    wrap: Callable[[Denoise, Sequence[Pull], float], Denoise]
    strength: float
    most: float


def _gradient(corruption: Corruption, y: Observation) -> Pull:
    try:
        return gradient_step(corruption.operator(y), y.image)
    except NotLinear as reason:
        if corruption.projection(y) is None:
            raise
        raise NotLinear(f"{reason}; take ddnm, which needs none") from None


def _projection(corruption: Corruption, y: Observation) -> Pull:
    return corruption.projection(y) or projection(corruption.operator(y), y.image)


METHODS = {
    "cddb": Method(_gradient, consistent, 0.5, 16.0),
    "cddb-deep": Method(_gradient, deeply, 0.01, 16.0),
    "ddnm": Method(_projection, consistent, 1.0, 1.0),
}
WHEN_TOLD = "ddnm"
"""Of a picture whose kernel is told, unless another is asked for: it measured best (docs/consistency.md)."""


def consistency_of(text: str, corruption: Corruption, observations: Sequence[Observation]) -> Wrapper:
    """The wrapper of `denoise` that a text such as "ddnm" or "cddb:0.5" stands for, for a batch of these observations.

    Raises:
        Error: see `parsed`; or `NotLinear`, where an observation says too little of its damage.
    """
    method, strength = parsed(text)
    pulls = [method.pull(corruption, y) for y in observations]
    return lambda denoise: method.wrap(denoise, pulls, strength)


def parsed(text: str) -> tuple[Method, float]:
    """The method and its strength.

    Raises:
        Error: no such method, or a strength that it does not take.
    """
    name, colon, number = text.partition(":")
    if name not in METHODS:
        raise Error(f"no consistency {name!r}; there are {', '.join(METHODS)}, such as ddnm or cddb:0.5")
    method = METHODS[name]
    try:
        strength = float(number) if colon else method.strength
    except ValueError:
        strength = math.nan
    if not 0 < strength <= method.most:
        raise Error(f"consistency {name}: the strength is above 0 and at most {method.most:g}, got {number!r}")
    return method, strength
