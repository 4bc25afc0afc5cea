"""One walk from a lifted observation to a picture: what validation and restoring both do."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .kernel.algorithms import conditioned, denoiser, known_pixels, padded
from .kernel.interfaces import Denoise, Sampler, State
from .kernel.rng import Rng
from .recipe import Recipe


def denoise_with(net: nn.Module, recipe: Recipe, lifted: Tensor, mask: Tensor | None = None) -> Denoise:
    """The recipe's network as the function a sampler calls: padded, conditioned, knowing the known pixels."""
    backbone, bridge = recipe.parts.backbone, recipe.parts.bridge
    denoise = padded(denoiser(net, bridge, lifted.shape[1]), backbone.multiple_of, backbone.min_size)
    if recipe.bridge.cond_x1:
        denoise = conditioned(denoise, lifted)
    return denoise if mask is None else known_pixels(denoise, lifted, mask)


def walk(
    net: nn.Module, recipe: Recipe, sampler: Sampler, lifted: Tensor, rng: Rng, mask: Tensor | None = None
) -> Iterator[State]:
    """Algorithm 2 (Liu et al. 2023) from lifted observations (B, C, H, W), one `State` a step; the last is the result.

    Args:
        mask: (B, 1, H, W), 1 = missing; elsewhere each clean estimate takes the observation's pixels.
    """
    bridge = recipe.parts.bridge
    x1 = bridge.endpoint(lifted, rng)
    states = sampler.sample(denoise_with(net, recipe, lifted, mask), bridge, x1, rng)
    while True:
        with torch.inference_mode():
            state = next(states, None)
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
