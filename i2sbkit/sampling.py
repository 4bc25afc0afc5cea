"""One walk from a lifted observation to a picture: what validation and restoring both do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .kernel.algorithms import conditioned, consistent, denoiser, known_pixels, padded
from .kernel.bridge import Bridge
from .kernel.errors import Error
from .kernel.interfaces import Denoise, Operator, Sampler, State
from .kernel.rng import Rng
from .recipe import Recipe
from .tiling import tiled

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
Watch = Callable[[int, Tensor, Tensor], None]
"""Called with n, x_n and x0h (B, C, H, W) at each network evaluation."""
RHO = 0.5
"""How far a known operator pulls each estimate: the largest step that never overshoots (see `consistent`)."""
DEFAULT_TILE = 768
"""Pixels a side; with `compact` at width 16 the evaluation of a tile and its halo then takes about 0.5 GB."""


@dataclass(frozen=True)
class Evaluation:
    """How a network is evaluated; none of it changes the picture beyond rounding.

    Attributes:
        tile: side of the tiles in pixels; None takes the default where the network's receptive field is finite and the
            whole picture otherwise, 0 always the whole picture.
        precision: "fp32", "bf16" or "fp16".
    """

    tile: int | None = None
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if self.tile is not None and self.tile < 0:
            raise Error(f"tile must be at least 0, which is the whole picture, got {self.tile}")
        if self.precision not in DTYPES:
            raise Error(f"precision must be one of {', '.join(DTYPES)}, got {self.precision!r}")


def denoise_with(net: nn.Module, recipe: Recipe, bridge: Bridge, lifted: Tensor, how: Evaluation) -> Denoise:
    """The recipe's network as the function a sampler calls: in tiles, padded, conditioned."""
    backbone, channels = recipe.parts.backbone, lifted.shape[1]
    denoise = denoiser(net, bridge, channels)
    if how.precision != "fp32":
        denoise = _autocast(denoise, lifted.device.type, DTYPES[how.precision])
    tile = DEFAULT_TILE if how.tile is None else how.tile
    if tile and backbone.receptive_field is not None:
        denoise = tiled(denoise, tile, backbone.receptive_field, backbone.multiple_of, channels)
    denoise = padded(denoise, backbone.multiple_of, backbone.min_size)
    return conditioned(denoise, lifted) if recipe.bridge.cond_x1 else denoise


def _autocast(denoise: Denoise, device: str, dtype: torch.dtype) -> Denoise:
    def wrapped(x_n: Tensor, n: int) -> Tensor:
        with torch.autocast(device, dtype):
            return denoise(x_n, n)

    return wrapped


def _watched(denoise: Denoise, watch: Watch) -> Denoise:
    def wrapped(x_n: Tensor, n: int) -> Tensor:
        x0h = denoise(x_n, n)
        watch(n, x_n, x0h)
        return x0h

    return wrapped


def walk(
    net: nn.Module,
    recipe: Recipe,
    sampler: Sampler,
    lifted: Tensor,
    rng: Rng,
    *,
    mask: Tensor | None = None,
    told: Sequence[tuple[Operator, Tensor]] = (),
    bridge: Bridge | None = None,
    how: Evaluation = Evaluation(),
    watch: Watch | None = None,
) -> Iterator[State]:
    """Algorithm 2 (Liu et al. 2023) from lifted observations (B, C, H, W), one `State` a step; the last is the result.

    Args:
        mask: (B, 1, H, W), 1 = missing; elsewhere each clean estimate, and the result, has the observation's pixels.
        told: for each picture the operator and its observation (C, h, w), where they are known: each clean estimate is
            pulled towards it.
        bridge: walked instead of the recipe's own.
        watch: told of every clean estimate.
    """
    bridge = bridge or recipe.parts.bridge
    with torch.inference_mode():
        x1 = bridge.endpoint(lifted, rng)
        denoise = denoise_with(net, recipe, bridge, lifted, how)
        if told:
            denoise = consistent(denoise, [a for a, _ in told], [y for _, y in told], RHO)
        if mask is not None:
            denoise = known_pixels(denoise, lifted, mask)
        if watch:
            denoise = _watched(denoise, watch)
        states = sampler.sample(denoise, bridge, x1, rng)
    while True:
        with torch.inference_mode():  # entered for each step: a generator must not leave it on in its caller
            state = next(states, None)
            if state and state.n == 0 and mask is not None:  # the last step may keep a trace of x_n
                state = replace(state, x=torch.where(mask > 0, state.x, lifted))
        if state is None:
            return
        yield state


def last_state(states: Iterator[State]) -> State:
    """Walk to the end."""
    state = None
    for state in states:  # noqa: B007 - only the last one counts
        pass
    assert state is not None, "a sampler yields a State a step"
    return state
