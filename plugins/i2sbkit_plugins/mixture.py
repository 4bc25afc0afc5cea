"""A mixture of corruptions: each picture is damaged by one of them, drawn; for one network that mends them all."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Generator, Tensor

import i2sbkit

MOST_PARTS = 100


@dataclass(frozen=True, kw_only=True)
class Mixture(i2sbkit.Corruption):
    """One of several corruptions, drawn for each picture.

    Where all have one `scale` the mixture has it too; else what is smaller than the picture (super-resolution) is
    lifted at once, so that all observations have the picture's size. `params["part"]` is the number of the corruption
    in `of`. A picture from a file does not say what happened to it: it is lifted by the first part that makes holes
    where it has a mask, and by the first that makes none where it has none.

    Args:
        of: the corruptions, each a table of its name and options.
        weights: how often each is drawn, relative to the others; None for equally often.
    """

    of: tuple[dict[str, Any], ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.of, tuple | list) and all(isinstance(table, dict) for table in self.of)):
            raise i2sbkit.Error('of is a list of tables, such as of = [{name = "jpeg", quality = 10}]')
        if not self.of:
            raise i2sbkit.Error('of is empty; name corruptions, such as of = [{name = "jpeg", quality = 10}]')
        if len(self.of) > MOST_PARTS:
            raise i2sbkit.Error(f"of names {len(self.of)} corruptions; take at most {MOST_PARTS}")
        if self.weights is not None:
            if len(self.weights) != len(self.of):
                raise i2sbkit.Error(f"{len(self.weights)} weights for {len(self.of)} corruptions; give one for each")
            if min(self.weights) < 0 or not 0 < sum(self.weights) < math.inf:
                raise i2sbkit.Error(f"weights must be at least 0, finite and not all 0, got {list(self.weights)}")
        _ = self.parts  # wrong options are told now

    @cached_property
    def parts(self) -> tuple[i2sbkit.Corruption, ...]:
        """The corruptions of `of`."""
        return tuple(_build(number, table) for number, table in enumerate(self.of, 1))

    @property
    def scale(self) -> int:  # type: ignore[override]
        """That of all parts, or 1 where they differ."""
        scales = {part.scale for part in self.parts}
        return scales.pop() if len(scales) == 1 else 1

    @property
    def masks(self) -> bool:  # type: ignore[override]
        """Whether any of them makes holes."""
        return any(part.masks for part in self.parts)

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        weights = torch.tensor(self.weights or [1.0] * len(self.of), dtype=torch.float64)
        number = int(torch.multinomial(weights, 1, generator=rng))
        part = self.parts[number]
        y = part.corrupt(x0, rng)
        if part.scale != self.scale:
            y = replace(y, image=part.lift(y, rng))
        params = {key: value for key, value in y.params.items() if key != "file"}  # a mixture is no codec
        return replace(y, params={**params, "part": number})

    def lift(self, y: i2sbkit.Observation, rng: Generator) -> Tensor:
        return next((part.lift(y, rng) for part in self._made_by(y)), y.image)

    def operator(self, y: i2sbkit.Observation) -> i2sbkit.Operator:
        """That of the part which made `y`; of a picture from a file, of the first part that could have and can tell."""
        part, reasons = self._teller(y)
        if part is None:
            raise i2sbkit.NotLinear(
                "; ".join(dict.fromkeys(reasons)) or "enlarged at once, so no operator leads to this observation"
            )
        return part.operator(y)

    def projection(self, y: i2sbkit.Observation) -> Callable[[Tensor], Tensor] | None:
        """That of the part whose operator is taken: a kernel that is told is meant; else what a file says of itself."""
        part, reasons = self._teller(y)
        if part is not None:
            return part.projection(y)
        for part in self._made_by(y):
            try:
                if found := part.projection(y):
                    return found
            except i2sbkit.NotLinear as reason:
                reasons.append(str(reason))
        if reasons:
            raise i2sbkit.NotLinear("; ".join(dict.fromkeys(reasons)))
        return None

    def _teller(self, y: i2sbkit.Observation) -> tuple[i2sbkit.Corruption | None, list[str]]:
        """The first part that has an operator for `y`, and why those before it have none."""
        reasons: list[str] = []
        for part in self._made_by(y):
            try:
                part.operator(y)
                return part, reasons
            except i2sbkit.NotLinear as reason:
                reasons.append(str(reason))
        return None, reasons

    def _made_by(self, y: i2sbkit.Observation) -> list[i2sbkit.Corruption]:
        """The part that made an observation, or all that could have where it does not say.

        Not those of another scale: what they made was lifted at once.
        """
        made = (self.parts[y.params["part"]],) if "part" in y.params else self.parts
        parts = [part for part in made if part.scale == self.scale]
        return [part for part in parts if part.masks == (y.mask is not None)] or parts


def _build(number: int, table: dict[str, Any]) -> i2sbkit.Corruption:
    if not isinstance(table.get("name"), str):
        raise i2sbkit.Error(f'item {number} of "of" needs a name, such as {{name = "jpeg", quality = 10}}')
    try:
        part: i2sbkit.Corruption = i2sbkit.build_part("corruption", table)
    except i2sbkit.Error as error:
        raise i2sbkit.Error(f'item {number} of "of": {error}') from error
    if isinstance(part, Mixture):
        raise i2sbkit.Error(f'item {number} of "of" is a mixture itself; name its corruptions here, with weights')
    return part


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"mixture": Mixture}
