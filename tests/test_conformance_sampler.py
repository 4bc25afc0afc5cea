"""Samplers that break a promise each: `check_sampler` says which."""

from dataclasses import dataclass
from itertools import count, pairwise

import pytest
import torch

from i2sbkit import Bridge, Sampler, State
from i2sbkit.testing import BrokenPromise, check_sampler, convergence, sampler, values
from i2sbkit.testing.promises import promise_of

CHECKS = {sampler.says_what_it_is, *sampler.WALK, *sampler.DRAWS, *convergence.CONVERGENCE}
COUNTER = count(1)


@dataclass(frozen=True)
class Sound(Sampler):
    """I2SB's own."""

    nfe: int = 6

    def sample(self, denoise, bridge, x1, rng):
        x = bridge.start(x1, rng)
        for n, m in pairwise(bridge.nodes(self.nfe)):
            x0h = denoise(x, n)
            x = self.step(bridge, x, x0h, x1, n, m, rng)
            yield State(m, x, x0h)

    def step(self, bridge, x, x0h, x1, n, m, rng):
        return bridge.step(x, x0h, x1, n, m, rng)


class Plain(Sampler):
    nfe = 6

    def sample(self, denoise, bridge, x1, rng):
        yield State(0, x1, x1)


class Free(Sound):
    stochastic = "yes"


class Once(Sound):
    def sample(self, denoise, bridge, x1, rng):
        return list(super().sample(denoise, bridge, x1, rng))


class Hasty(Sound):
    def sample(self, denoise, bridge, x1, rng):
        denoise(x1, len(bridge) - 1)
        return super().sample(denoise, bridge, x1, rng)


class Twice(Sound):
    def sample(self, denoise, bridge, x1, rng):
        return super().sample(lambda x, n: (denoise(x, n) + denoise(x, n)) / 2, bridge, x1, rng)


class Unfinished(Sound):
    def sample(self, denoise, bridge, x1, rng):
        *most, _ = super().sample(denoise, bridge, x1, rng)
        yield from most


class Rising(Sound):
    def sample(self, denoise, bridge, x1, rng):
        for state in super().sample(denoise, bridge, x1, rng):
            yield State(len(bridge) - state.n if state.n else 0, state.x, state.x0h)


class Single(Sound):
    def sample(self, denoise, bridge, x1, rng):
        for state in super().sample(denoise, bridge, x1, rng):
            yield State(state.n, state.x.float(), state.x0h.float())


class Swapped(Sound):
    def sample(self, denoise, bridge, x1, rng):
        for state in super().sample(denoise, bridge, x1, rng):
            yield State(state.n, state.x0h, state.x)


class InPlace(Sound):
    def step(self, bridge, x, x0h, x1, n, m, rng):
        return x.copy_(super().step(bridge, x, x0h, x1, n, m, rng))


class Early(Sound):
    """Stops a little before x0."""

    def step(self, bridge, x, x0h, x1, n, m, rng):
        return super().step(bridge, x, x0h, x1, n, m, rng) if m else 0.9 * x0h + 0.1 * x


class NoisyEnd(Sound):
    def step(self, bridge, x, x0h, x1, n, m, rng):
        return bridge.step(x, x0h, x1, n, m, rng) + 0.01 * rng.normal_like(x)


class Mingled(Sound):
    def step(self, bridge, x, x0h, x1, n, m, rng):
        return super().step(bridge, x, x0h, x1, n, m, rng) + (x0h.mean(0, keepdim=True) - x0h if m else 0)


class GlobalNoise(Sound):
    def step(self, bridge, x, x0h, x1, n, m, rng):
        return super().step(bridge, x, x0h, x1, n, m, rng) + (0.1 * torch.randn_like(x) if m else 0)


class Pretending(Sound):
    stochastic = False


class Reseeding(Sound):
    def step(self, bridge, x, x0h, x1, n, m, rng):
        torch.manual_seed(0)
        return super().step(bridge, x, x0h, x1, n, m, rng)


class TooWide(Sound):
    """Draws each node anew: what was found so far is lost, and draws end too near to the mean."""

    def step(self, bridge, x, x0h, x1, n, m, rng):
        return bridge.marginal(x0h, x1, m, rng) if m else x0h


class Straight(Sound):
    """Takes the walk without noise for one that draws."""

    stochastic = False

    def step(self, bridge, x, x0h, x1, n, m, rng):
        return Bridge(bridge.schedule, ot_ode=True).step(x, x0h, x1, n, m, rng) if m else 0.5 * (x0h + x0h)


class Blunt(Straight):
    """One estimate does for the whole walk."""

    def sample(self, denoise, bridge, x1, rng):
        x0h = denoise(x1, len(bridge) - 1)
        yield State(0, x0h, x0h)


BROKEN = [
    (values.is_frozen, Plain()),
    (sampler.says_what_it_is, Sound(nfe=0)),
    (sampler.says_what_it_is, Free()),
    (sampler.works_when_asked, Once()),
    (sampler.works_when_asked, Hasty()),
    (sampler.asks_at_most_nfe_times, Twice()),
    (sampler.ends_at_node_0, Unfinished()),
    (sampler.ends_at_node_0, Rising()),
    (sampler.keeps_shapes, Single()),
    (sampler.shows_its_estimate, Swapped()),
    (sampler.changes_no_tensor, InPlace()),
    (sampler.ends_at_the_truth, Early()),
    (sampler.ends_at_the_truth, NoisyEnd()),
    (sampler.follows_its_seeds, Mingled()),
    (sampler.follows_its_seeds, GlobalNoise()),
    (sampler.draws_as_it_says, Pretending()),
    (sampler.walks_quietly, Reseeding()),
    (convergence.converges, TooWide()),
    (convergence.converges, Blunt()),
]


@pytest.mark.parametrize("part", [Sound(), Sound(nfe=1), Straight()])
def test_a_sound_sampler_passes(part):
    """What the broken ones are made from breaks nothing, with noise or without."""
    check_sampler(part)


def test_few_evaluations_by_design_are_no_fault():
    """Where `nfe` is no option, nothing is asked of many evaluations."""

    check_sampler(OneStep())


@dataclass(frozen=True)
class OneStep(Sampler):
    nfe = 1
    stochastic = False

    def sample(self, denoise, bridge, x1, rng):
        x0h = denoise(x1, len(bridge) - 1)
        yield State(0, x0h, x0h)


def test_every_promise_is_broken_by_one():
    """No check that cannot fail."""
    assert {check for check, _ in BROKEN} >= CHECKS


@pytest.mark.parametrize(("check", "part"), BROKEN, ids=lambda value: getattr(value, "__name__", type(value).__name__))
def test_a_broken_promise_is_named(check, part):
    """It is the one that this sampler breaks."""
    with pytest.raises(BrokenPromise) as caught:
        check_sampler(part)
    assert caught.value.promise == promise_of(check)
