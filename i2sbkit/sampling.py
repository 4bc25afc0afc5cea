"""One walk from a lifted observation to a picture: what validation and restoring both do."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor, nn

from .kernel.algorithms import conditioned, denoiser, known_pixels, padded
from .kernel.bridge import Bridge
from .kernel.errors import Error
from .kernel.interfaces import Denoise, Sampler, State
from .kernel.rng import Rng
from .recipe import Recipe
from .tile_sizes import TileSizes
from .tiling import halving, tiled

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
Watch = Callable[[int, Tensor, Tensor], None]
"""Called with n, x_n and x0h (B, C, H, W) at each network evaluation."""
BLENDED = (
    "tiles of {} pixels: this network looks at the whole picture and here sees a tile at a time, so the picture "
    "depends on the tiles: on a small untrained network by 18 to 95 % of all that it changes (docs/sizes.md); "
    "--tile 0 takes the whole picture"
)


@dataclass(frozen=True)
class Evaluation:
    """How a network is evaluated; the tile changes the picture by no more than rounding where it sees only so far.

    Attributes:
        tile: side of the tiles in pixels, see `tile_sizes.TileSizes`; None chooses by what memory is free, 0 is the
            whole picture.
        precision: "fp32", "bf16" or "fp16".
    """

    tile: int | None = None
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if self.tile is not None and self.tile < 0:
            raise Error(f"tile must be at least 0, which is the whole picture, got {self.tile}")
        if self.precision not in DTYPES:
            raise Error(f"precision must be one of {', '.join(DTYPES)}, got {self.precision!r}")


def network_with(net: nn.Module, recipe: Recipe, bridge: Bridge, channels: int, precision: str) -> Denoise:
    """The recipe's network on pictures of any size; what conditions it stands behind the `channels` of x_n."""
    backbone = recipe.parts.backbone
    denoise = denoiser(net, bridge, channels)
    if precision != "fp32":
        denoise = _autocast(denoise, DTYPES[precision])
    return padded(denoise, backbone.multiple_of, backbone.min_size)


def in_tiles(sizes: TileSizes, tile: int, like: Tensor, x1: Tensor | None) -> Denoise:
    """The network in tiles of this side, or smaller ones where memory runs out; at 0 on whole pictures, come what may.

    Args:
        like: of the size (B, C, H, W) of the pictures.
        x1: what the network sees beside them, or None.
    """
    if tile == 0:
        return sizes.network if x1 is None else conditioned(sizes.network, x1)

    @cache
    def tiles(side: int) -> Denoise:
        if sizes.blends and not sizes.whole(side, like):
            warnings.warn(BLENDED.format(side), stacklevel=2)
        batch = sizes.batch(side, like) if side == tile else 1  # what halved the tile was a lack of memory
        return tiled(sizes.network, sizes.tiling(side), x1=x1, device=sizes.device, batch=batch)

    return halving(tiles, tile, sizes.least)


def _autocast(denoise: Denoise, dtype: torch.dtype) -> Denoise:
    def wrapped(x_n: Tensor, n: int) -> Tensor:
        with torch.autocast(x_n.device.type, dtype):
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
    consistency: Callable[[Denoise], Denoise] | None = None,
    bridge: Bridge | None = None,
    how: Evaluation = Evaluation(),
    watch: Watch | None = None,
) -> Iterator[State]:
    """Algorithm 2 (Liu et al. 2023) from lifted observations (B, C, H, W), one `State` a step; the last is the result.

    The state lives on the network's device where a picture is evaluated whole, and beside `lifted` in tiles.

    Args:
        mask: (B, 1, H, W), 1 = missing; elsewhere each clean estimate, and the result, has the observation's pixels.
        consistency: wraps the denoiser of whole pictures, tiles or not: pulls each clean estimate towards what was
            observed (`consistency.consistency_of`).
        bridge: walked instead of the recipe's own.
        watch: told of every clean estimate.
    """
    bridge, cond_x1 = bridge or recipe.parts.bridge, recipe.bridge.cond_x1
    channels, device = lifted.shape[1], _device_of(net, lifted)
    network = network_with(net, recipe, bridge, channels, how.precision)
    sizes = TileSizes(recipe.parts.backbone, network, (1 + cond_x1) * channels, device)
    with torch.inference_mode():
        tile = sizes.choose(lifted) if how.tile is None else how.tile
        if sizes.whole(tile, lifted):  # else full-size tensors stay where they are, and tiles go there one by one
            lifted = lifted.to(device)
        x1 = bridge.endpoint(lifted, rng)
        denoise = in_tiles(sizes, tile, lifted, lifted if cond_x1 else None)
        if consistency:
            denoise = consistency(denoise)
        if mask is not None:
            mask = mask.to(lifted.device)
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


def _device_of(net: nn.Module, x: Tensor) -> torch.device:
    """Where a network is; one without parameters is wherever its input is."""
    return next((parameter.device for parameter in net.parameters()), x.device)


def last_state(states: Iterator[State]) -> State:
    """Walk to the end."""
    state = None
    for state in states:  # noqa: B007 - only the last one counts
        pass
    assert state is not None, "a sampler yields a State a step"
    return state
