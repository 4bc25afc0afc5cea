"""Restoring one picture: Observation -> lift -> walk -> picture, with noise that belongs to its content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import Weights
from .kernel import registry
from .kernel.errors import Error
from .kernel.interfaces import Observation, Sampler, State
from .kernel.rng import Rng, derive_seed
from .sampling import last_state, walk


@dataclass(frozen=True)
class Settings:
    """How to restore; None takes the weights' own default.

    Attributes:
        nfe: network evaluations.
        sampler: a name or a `Sampler`.
        eta: for samplers that have it, in [0, 1].
        seed: with the content of the observation it fixes every random number.
        tile: side of the tiles in pixels, where the network's receptive field is finite; 0 takes the whole picture.
        precision: "fp32", "bf16" or "fp16" of the network's evaluations.
        force: use a sampler that does not fit the weights.
    """

    nfe: int | None = None
    sampler: str | Sampler | None = None
    eta: float | None = None
    seed: int = 0
    tile: int | None = None
    precision: str = "fp32"
    force: bool = False


def choose_sampler(weights: Weights, settings: Settings) -> Sampler:
    """The sampler that the settings ask for.

    Raises:
        Error: unknown, an option it does not have, or one that does not fit the weights.
    """
    if isinstance(settings.sampler, Sampler):
        given = {key: value for key, value in (("nfe", settings.nfe), ("eta", settings.eta)) if value is not None}
        return replace(settings.sampler, **given) if given else settings.sampler  # type: ignore[type-var]
    default = dict(weights.recipe.document["sampler"])
    own = default.pop("name")
    name = settings.sampler or own
    options: dict[str, Any] = default if name == own else {"nfe": default.get("nfe", 10)}
    options |= {key: value for key, value in (("nfe", settings.nfe), ("eta", settings.eta)) if value is not None}
    sampler: Sampler = registry.build("sampler", name, **options)
    return sampler


def check_fit(weights: Weights, sampler: Sampler, force: bool) -> str | None:
    """A warning where sampler and weights were not made for each other, or None.

    Raises:
        Error: a stochastic sampler on weights of an OT-ODE bridge, unless forced: such weights never saw noise.
    """
    bridge = weights.recipe.bridge
    if bridge.ot_ode and sampler.stochastic and not force:
        raise Error(
            f"{weights.path.name}: trained as OT-ODE, which stochastic samplers do not fit; "
            "take --sampler ode (or --force to go on)"
        )
    if not bridge.ot_ode and not sampler.stochastic:
        return f"{weights.path.name}: trained as SDE; a deterministic sampler gives smoother pictures than it could"
    if not bridge.ot_ode and not bridge.cond_x1 and getattr(sampler, "eta", 1.0) < 1:
        return f"{weights.path.name}: does not see x1; eta < 1 is outside what it was trained for"
    return None


@dataclass(frozen=True)
class Restorer:
    """Weights on a device with the settings to restore by."""

    weights: Weights
    net: nn.Module
    device: torch.device
    sampler: Sampler
    settings: Settings

    def walk(self, observation: Observation, sample: int = 0) -> Iterator[State]:
        """The states from one observation to its picture, on the device; draw number `sample`."""
        recipe = self.weights.recipe
        rng = Rng([content_seed(observation, self.settings.seed, sample)])
        (generator,) = rng.child("lift")
        lifted = recipe.parts.corruption.lift(observation, generator)[None].to(self.device)
        mask = None if observation.mask is None else observation.mask[None].to(self.device)
        if recipe.bridge.ot_ode and self.sampler.stochastic:  # only when forced
            recipe = replace(recipe, parts=replace(recipe.parts, bridge=type(recipe.parts.bridge)(recipe.parts.bridge.schedule)))
        return walk(self.net, recipe, self.sampler, lifted, rng.child("bridge"), mask, self.settings.tile, self.settings.precision)

    def picture(self, observation: Observation, sample: int = 0) -> Tensor:
        """The restored picture (C, H, W) on the CPU, not clamped."""
        return last_state(self.walk(observation, sample)).x[0].float().cpu()


def content_seed(observation: Observation, seed: int, sample: int) -> int:
    """A seed from what is in the observation: not its name, its place in a batch or the machine."""
    parts: list[object] = [seed, sample]
    for tensor in (observation.image, observation.mask):
        if tensor is not None:
            parts += [tuple(tensor.shape), tensor.detach().cpu().contiguous().numpy().tobytes()]
    return derive_seed(*parts)
