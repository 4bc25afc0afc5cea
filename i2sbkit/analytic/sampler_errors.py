"""How far samplers are from what is exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..kernel.bridge import Bridge
from ..kernel.errors import Error
from ..kernel.interfaces import Denoise, Sampler, Spacing
from ..kernel.rng import Rng
from .problem import LinearProblem

HISTORY = 3
"""Steps before the interior: as many estimates as any sampler remembers."""


class Inside(Bridge):
    """A bridge that is walked over given nodes.

    Args:
        given: from the noisiest to 0.
    """

    def __init__(self, bridge: Bridge, given: Sequence[int]) -> None:
        super().__init__(bridge.schedule, bridge.ot_ode)
        self.given = list(given)

    def nodes(self, nfe: int, spacing: Spacing = "uniform") -> list[int]:
        return self.given


def farthest_error(
    make: Callable[[int], Sampler],
    bridge: Bridge,
    denoise: Denoise,
    states: Tensor,
    inside: tuple[int, int, int],
    x1: float = 0.0,
) -> float:
    """How far a walk over the inside of a bridge is from the exact ones, where it is farthest.

    What lies before its first step is exact too: the states, which are put into those that the sampler hands out, and
    with them what a multistep sampler remembers.

    Args:
        make: the sampler of so many evaluations; it goes on from the tensors that it hands out.
        denoise: the exact one.
        states: the exact walks (N, L), as `LinearProblem.walk` gives them.
        inside: the first node, the last, and the number of even steps from one to the other; three more have room
            before the first.
        x1: what is restored.

    Raises:
        Error: nodes that no even steps lead to, or that the bridge does not have.
    """
    first, last, steps = inside
    stride, rest = divmod(first - last, steps)
    if rest or last < 1 or first + HISTORY * stride >= len(states):
        raise Error(f"no {steps} even steps lead from node {first} to {last}, {HISTORY} before them, of {len(states)}")
    nodes = [first + (HISTORY - k) * stride for k in range(steps + HISTORY + 1)]
    picture = torch.full((1, 1, 1, states.shape[1]), x1, dtype=torch.float64)
    far = [0.0]
    for state in make(len(nodes)).sample(denoise, Inside(bridge, [*nodes, 0]), picture, Rng([0])):
        if state.n >= first:
            state.x.copy_(states[state.n].reshape(picture.shape))
        elif state.n >= last:
            far.append(float((state.x.flatten() - states[state.n]).abs().max()))
    return max(far)


@dataclass(frozen=True)
class Draws:
    """What many draws of a sampler are like.

    Attributes:
        bias: how far their mean is from the exact one, in exact deviations.
        variance: theirs over the exact one, both summed over the channels; 1 is exact.
    """

    bias: float
    variance: float


def draws(sampler: Sampler, bridge: Bridge, problem: LinearProblem, x1: Tensor | None, side: int, seed: int) -> Draws:
    """Compare side^2 draws with the exact law, by the exact denoiser; x1 as in `LinearProblem.posed`."""
    rng = Rng([seed])
    degraded, denoise, law = problem.posed(bridge, x1, side, rng)
    *_, last = sampler.sample(denoise, bridge, degraded, rng)
    found = last.x[0].flatten(1)
    exact = float(law.covariance.trace())
    bias = float((found.mean(1) - law.mean).norm()) / exact**0.5
    return Draws(bias, float(found.var(1).sum()) / exact)
