"""What samplers promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..kernel.bridge import Bridge
from ..kernel.interfaces import Denoise, Sampler, State
from ..kernel.rng import Rng
from .bed import Pinned
from .convergence import CONVERGENCE
from .promises import keep
from .surroundings import changed, seeded
from .values import VALUE

ROUNDING = 1e-4
"""Of numbers about 1 that went through a float32 walk."""


@dataclass
class Counting:
    """A denoiser that any pixel goes through alone, and that counts how often it was asked."""

    calls: int = 0
    nodes: list[int] = field(default_factory=list)
    estimates: list[Tensor] = field(default_factory=list)

    def __call__(self, x_n: Tensor, n: int) -> Tensor:
        self.calls += 1
        self.nodes.append(n)
        self.estimates.append(0.5 * x_n - 0.05 * x_n * x_n + 0.1)
        return self.estimates[-1].clone()


@dataclass(frozen=True)
class Walking:
    """A sampler, and a bridge with more nodes than it evaluates."""

    sampler: Sampler
    bridge: Bridge

    def walk(self, x1: Tensor, seeds: range, denoise: Denoise | None = None) -> Iterator[State]:
        """From x1 (B, C, H, W), each image with its own seed."""
        return self.sampler.sample(denoise or Counting(), self.bridge, x1, Rng(seeds))


def check_sampler(sampler: Sampler) -> None:
    """See that a sampler keeps what its interface promises: promises.md, "Samplers".

    It is tried on a Brownian bridge; one that is not `stochastic` also in the limit without noise, the OT-ODE.

    Raises:
        BrokenPromise: it does not.
    """
    keep(sampler, (*VALUE, says_what_it_is), "Samplers")
    schedule = Pinned(steps=max(1000, sampler.nfe + 1))
    bridges = [Bridge(schedule)] if sampler.stochastic else [Bridge(schedule), Bridge(schedule, ot_ode=True)]
    for bridge in bridges:
        keep(Walking(sampler, bridge), (*WALK, *DRAWS), "Samplers")
    keep(sampler, CONVERGENCE, "Samplers")


def says_what_it_is(sampler: Sampler) -> str | None:
    """`nfe` is a whole number from 1, `stochastic` is True or False."""
    if isinstance(sampler.nfe, int) and sampler.nfe >= 1 and isinstance(sampler.stochastic, bool):
        return None
    return f"nfe is {sampler.nfe!r}, stochastic is {sampler.stochastic!r}"


def ends_at_node_0(case: Walking) -> str | None:
    """A walk gives a `State` a step, at falling nodes, the last at node 0; estimates are asked for at higher nodes."""
    nodes, denoise, last = [], Counting(), len(case.bridge)
    for state in case.walk(_images(2), range(2), denoise):
        nodes.append(state.n)
        if max(denoise.nodes, default=last) > last or min(denoise.nodes, default=-1) <= state.n:
            return f"a state at node {state.n} after estimates at {denoise.nodes}"
    falling = all(m < n for n, m in zip([last, *nodes], nodes, strict=False))
    return None if nodes and nodes[-1] == 0 and falling else f"states at nodes {_some(nodes)}"


def asks_at_most_nfe_times(case: Walking) -> str | None:
    """`denoise` is called `nfe` times at most, and at least once."""
    denoise = Counting()
    list(case.walk(_images(2), range(2), denoise))
    if not 1 <= denoise.calls <= case.sampler.nfe:
        return f"{denoise.calls} calls, where nfe is {case.sampler.nfe}"
    return None


def works_when_asked(case: Walking) -> str | None:
    """`sample` is a generator: it does nothing before its first state is asked for, so that a walk can be stopped."""
    denoise = Counting()
    states = case.walk(_images(2), range(2), denoise)
    if not hasattr(states, "__next__"):
        return f"a {type(states).__name__}: write yield for each state"
    return f"{denoise.calls} calls of denoise before it" if denoise.calls else None


def keeps_shapes(case: Walking) -> str | None:
    """States have the shape and dtype of x1, float32 or float64, and are finite."""
    for dtype in (torch.float32, torch.float64):
        x1 = _images(2).to(dtype)
        for state in case.walk(x1, range(2)):
            for name, x in (("x", state.x), ("x0h", state.x0h)):
                if x.shape != x1.shape or x.dtype != dtype:
                    return f"{name} is {tuple(x.shape)} {x.dtype} in place of {tuple(x1.shape)} {dtype}"
                if not x.isfinite().all():
                    return f"{name} is not finite at node {state.n}"
    return None


def shows_its_estimate(case: Walking) -> str | None:
    """A state's x0h is an estimate that `denoise` gave for its step, x the state that it led to."""
    denoise, seen = Counting(), 0
    for state in case.walk(_images(2), range(2), denoise):
        if not any(torch.equal(state.x0h, estimate) for estimate in denoise.estimates[seen:]):
            return f"at node {state.n} x0h is something else: State(n, x, x0h)"
        seen = denoise.calls
    return None


def changes_no_tensor(case: Walking) -> str | None:
    """x1 and the states that were handed out stay as they are."""
    x1, copies, states = _images(2), [], []
    before = x1.clone()
    for state in case.walk(x1, range(2)):
        states.append(state)
        copies.append((state.x.clone(), state.x0h.clone()))
    if not torch.equal(x1, before):
        return "x1 was changed"
    kept = [torch.equal(s.x, x) and torch.equal(s.x0h, x0h) for s, (x, x0h) in zip(states, copies, strict=True)]
    return None if all(kept) else f"the state at node {states[kept.index(False)].n} was changed later"


def follows_its_seeds(case: Walking) -> str | None:
    """An image depends on x1 and its own seed alone: not on its batch, the global generators or earlier walks."""
    x1 = _images(3)
    with seeded(1):
        *_, together = case.walk(x1, range(3))
    with seeded(2):
        alone = [list(case.walk(x1[k : k + 1], range(k, k + 1)))[-1].x for k in range(3)]
    off = float((together.x - torch.cat(alone)).abs().max())
    return f"in a batch it differed by up to {off:.3g}" if off > ROUNDING else None


def draws_as_it_says(case: Walking) -> str | None:
    """A sampler that is not `stochastic` draws nothing: every seed gives the same."""
    if case.sampler.stochastic:
        return None
    first, other = (list(case.walk(_images(1), range(seed, seed + 1)))[-1].x for seed in (0, 1))
    off = float((first - other).abs().max())
    return f"two seeds differed by up to {off:.3g}" if off > 0 else None


def ends_at_the_truth(case: Walking) -> str | None:
    """Told x0 at each node, it ends at x0: nothing of x1 is left there, and no noise."""
    x1, x0 = _images(2), _images(2).flip(-1) * 0.8
    *_, last = case.walk(x1, range(2), lambda x_n, n: x0.clone())
    off = float((last.x - x0).abs().max())
    return f"off by up to {off:.3g}" if off > ROUNDING else None


def walks_quietly(case: Walking) -> str | None:
    """A walk changes nothing that others share: no global generator, no setting of torch."""
    found = changed(lambda: list(case.walk(_images(2), range(2))))
    return f"it changed {' and '.join(sorted(found))}" if found else None


WALK = (
    works_when_asked,
    asks_at_most_nfe_times,
    ends_at_node_0,
    keeps_shapes,
    shows_its_estimate,
    changes_no_tensor,
    ends_at_the_truth,
)
DRAWS = (follows_its_seeds, draws_as_it_says, walks_quietly)


def _images(batch: int) -> Tensor:
    return 2 * torch.rand(batch, 3, 4, 5, generator=torch.Generator().manual_seed(batch)) - 1


def _some(nodes: list[int]) -> str:
    return ", ".join(map(str, nodes if len(nodes) < 9 else [*nodes[:4], "...", *nodes[-4:]])) or "none"
