"""Restoring one picture: Observation -> lift -> walk -> picture, with noise that belongs to its content."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from .argument_types import check_types
from .checkpoint import Weights
from .consistency import WHEN_TOLD, consistency_of, parsed
from .kernel.bridge import Bridge
from .kernel.errors import Error
from .kernel.interfaces import Corruption, Observation, Sampler, State
from .kernel.rng import Rng, derive_seed
from .part_text import table_of
from .plain import short
from .recipe import build_part
from .sampling import Evaluation, Watch, last_state, walk
from .shipped import bundled


@dataclass(frozen=True)
class Settings:
    """How to restore; None takes the weights' own default.

    Attributes:
        nfe: network evaluations.
        sampler: a name, with options as in "dbim:order=2,spacing=karras", or a `Sampler`.
        effort: "fast", "balanced" or "best": the sampler and nfe that `i2sbkit tune` found for the weights; in place
            of the other three.
        eta: for samplers that have it, in [0, 1].
        seed: with the content of the observation it fixes every random number.
        tile, precision: see `sampling.Evaluation`.
        force: use a sampler that does not fit the weights.
        consistency: METHOD or METHOD:STRENGTH, see `consistency.METHODS`; None: the default where a kernel is told.

    Raises:
        Error: a value of another type, or no such consistency.
    """

    nfe: int | None = None
    sampler: str | Sampler | None = None
    eta: float | None = None
    seed: int = 0
    tile: int | None = None
    precision: str = "fp32"
    force: bool = False
    effort: str | None = None
    consistency: str | None = None

    def __post_init__(self) -> None:
        check_types(self)
        if self.consistency is not None:
            parsed(self.consistency)

    def pull(self, kernel_told: bool) -> str | None:
        """The consistency that these settings come to; None for none."""
        return self.consistency or (WHEN_TOLD if kernel_told else None)


def choose_sampler(weights: Weights, settings: Settings) -> Sampler:
    """The sampler that the settings ask for.

    Raises:
        Error: unknown, an option it does not have, or one that does not fit the weights; or an effort that they lack.
    """
    if settings.effort is not None:
        return _by_effort(weights, settings)
    numbers = (("nfe", int, settings.nfe), ("eta", float, settings.eta))  # numpy's too
    given = {key: kind(value) for key, kind, value in numbers if value is not None}
    if isinstance(settings.sampler, Sampler):
        try:
            return replace(settings.sampler, **given) if given else settings.sampler  # type: ignore[type-var]
        except TypeError:
            refused = " and ".join(given)
            raise Error(f"{settings.sampler} does not take {refused} from here; set it up as wanted, alone") from None
    own = weights.recipe.document["sampler"]
    table = table_of("sampler", settings.sampler or own["name"])
    kept = own if table["name"] == own["name"] else {"nfe": own.get("nfe", 10)}
    try:
        sampler: Sampler = build_part("sampler", {**kept, **table, **given})
    except Error as error:
        raise Error(f"sampler {table['name']!r}: {error}") from None
    return sampler


def _by_effort(weights: Weights, settings: Settings) -> Sampler:
    if (settings.nfe, settings.sampler, settings.eta) != (None, None, None):
        raise Error("an effort stands for a sampler, its nfe and eta; give either it or those")
    efforts = weights.header.get("efforts")
    if not isinstance(efforts, dict) or not efforts:
        wanted = f"--task {weights.path.stem}" if weights.path in bundled().values() else f"--weights {weights.path}"
        raise Error(f"{weights.path.name}: knows no efforts yet; `i2sbkit tune {wanted} --data PHOTOGRAPHS` finds them")
    if settings.effort not in efforts:
        raise Error(f"{weights.path.name}: no effort {settings.effort!r}; it knows {', '.join(efforts)}")
    try:
        sampler: Sampler = build_part("sampler", efforts[settings.effort]["sampler"])
    except Error as error:
        told = f"its effort {settings.effort!r} cannot be had here: {short(error)}"
        raise Error(f"{weights.path}: {told}; give a sampler and nfe in its place") from None
    return sampler


def check_fit(weights: Weights, sampler: Sampler, force: bool) -> str | None:
    """A warning where sampler and weights were not made for each other, or None.

    Raises:
        Error: a stochastic sampler on weights of a bridge without noise, unless forced: they never saw any.
    """
    bridge = weights.recipe.parts.bridge
    if bridge.ot_ode and sampler.stochastic and not force:
        raise Error(
            f"{weights.path.name}: trained without noise (as an OT-ODE), which stochastic samplers do not fit; "
            "take the sampler ode, or force this one"
        )
    if bridge.ot_ode or bridge.from_noise:  # DDPM and DDIM are two walks over one diffusion
        return None
    if not sampler.stochastic:
        return (
            f"{weights.path.name}: trained as SDE, with noise, and this sampler draws none: pictures come out smoother "
            "than they could; take the sampler sde"
        )
    if not weights.recipe.bridge.cond_x1 and getattr(sampler, "eta", 1.0) < 1:
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

    @classmethod
    def of(cls, weights: Weights, net: nn.Module, device: torch.device, settings: Settings) -> Restorer:
        """Settle what the settings leave open; a sampler that fits badly is warned of (`UserWarning`).

        Raises:
            Error: see `choose_sampler` and `check_fit`; or nodes that the schedule does not have.
        """
        sampler = choose_sampler(weights, settings)
        weights.recipe.parts.bridge.nodes(sampler.nfe, getattr(sampler, "spacing", "uniform"))
        warning = check_fit(weights, sampler, settings.force)
        if warning:
            warnings.warn(warning, stacklevel=3)
        return cls(weights, net, device, sampler, settings)

    @property
    def sampler_name(self) -> str:
        """By which the sampler is known; of one that was set up in Python, its class."""
        given, effort = self.settings.sampler, self.settings.effort
        if isinstance(given, Sampler):
            return type(given).__name__
        document = self.weights.header["efforts"][effort] if effort else self.weights.recipe.document
        return table_of("sampler", given)["name"] if given else str(document["sampler"]["name"])

    @property
    def corruption(self) -> Corruption:
        """What the weights were trained to undo."""
        return self.weights.recipe.parts.corruption

    def walk(self, observations: Sequence[Observation], sample: int = 0, watch: Watch | None = None) -> Iterator[State]:
        """The states from observations of one size to their pictures, as one batch; draw number `sample`.

        Raises:
            Error: the weights know nothing of observations, and no consistency or mask tells them.
        """
        recipe, corruption = self.weights.recipe, self.corruption
        rng = Rng(content_seed(observation, self.settings.seed, sample) for observation in observations)
        pairs = zip(observations, rng.child("lift"), strict=True)
        lifted = _batch([corruption.lift(y, generator) for y, generator in pairs])
        mask = _masks(observations, lifted)
        method = self.settings.pull(any("kernel" in y.params for y in observations))
        if recipe.parts.bridge.schedule.unconditional and not method and mask is None:
            said = "made for clean pictures alone, so nothing tells it what to restore"
            raise Error(f"{self.weights.path.name}: {said}; give the consistency ddnm")
        forced = recipe.bridge.ot_ode and self.sampler.stochastic
        return walk(
            self.net,
            recipe,
            self.sampler,
            lifted,
            rng.child("bridge"),
            mask=mask,
            consistency=consistency_of(method, corruption, observations) if method else None,
            bridge=Bridge(recipe.parts.bridge.schedule, add_x1_noise=recipe.bridge.add_x1_noise) if forced else None,
            how=Evaluation(self.settings.tile, self.settings.precision),
            watch=watch,
        )

    def pictures(self, observations: Sequence[Observation], sample: int = 0) -> Tensor:
        """The restored pictures (B, C, H, W) on the CPU, not clamped."""
        # A copy: what was made in inference mode would stay barred from autograd and in-place changes.
        return last_state(self.walk(observations, sample)).x.float().cpu().clone()


def warn_of_equal(draws: Sequence[Tensor], sampler: Sampler) -> None:
    """Warn (`UserWarning`) of several draws of one picture that are all the same."""
    if len(draws) > 1 and all(torch.equal(draw, draws[0]) for draw in draws[1:]):
        way = "take more evaluations, such as nfe 5" if sampler.stochastic else "take one that is stochastic"
        warnings.warn(f"all draws are the same, as {sampler} draws nothing: {way}", stacklevel=3)


def warn_of_effort(restorer: Restorer, kernel_told: bool) -> None:
    """Warn (`UserWarning`) of an effort that was found with another consistency than it restores with now."""
    was = dict(restorer.weights.header.get("tuned", {})).get("consistency")
    now = restorer.settings.pull(kernel_told) or "none"
    if restorer.settings.effort and was not in (None, now):
        found = f"its efforts were found with consistency {was}, and this is with {now}"
        name = restorer.weights.path.name
        warnings.warn(f"{name}: {found}; give the same, or let `i2sbkit tune` find others", stacklevel=3)


def options_of(sampler: Sampler) -> dict[str, Any]:
    """The options of a sampler, all of them."""
    return {field.name: getattr(sampler, field.name) for field in fields(sampler)}  # type: ignore[arg-type]


def _batch(images: Sequence[Tensor]) -> Tensor:
    """(B, C, H, W); a single picture, which may be a large one, is not copied."""
    return images[0][None] if len(images) == 1 else torch.stack(list(images))


def _masks(observations: Sequence[Observation], lifted: Tensor) -> Tensor | None:
    """Their masks (B, 1, H, W), None where none has one; one that has none beside others is restored everywhere."""
    if all(y.mask is None for y in observations):
        return None
    everywhere = torch.ones(1, *lifted.shape[-2:])
    return _batch([everywhere if y.mask is None else y.mask for y in observations])


def content_seed(observation: Observation, seed: int, sample: int) -> int:
    """A seed from what is in the observation: not its name, its place in a batch or the machine."""
    parts: list[object] = [seed, sample]
    for tensor in (observation.image, observation.mask):
        if tensor is not None:
            parts += [tuple(tensor.shape), tensor.detach().cpu().contiguous().numpy().tobytes()]
    return derive_seed(*parts)
