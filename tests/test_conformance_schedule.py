"""Schedules that break a promise each: `check_schedule` says which."""

from dataclasses import dataclass, replace
from functools import cached_property

import pytest
import torch

from i2sbkit import BridgeSchedule, Step
from i2sbkit.testing import BrokenPromise, bed, check_schedule, schedule, values
from i2sbkit.testing.promises import promise_of

CHECKS = {*schedule.CURVES, *schedule.STEPS, *schedule.NETWORK, *schedule.ENDS}


@dataclass(frozen=True)
class Sound(bed.Pinned):
    """A Brownian bridge."""


@dataclass
class Changeable(BridgeSchedule):
    std: float = 1.0

    def tables(self):
        return bed.Pinned(self.std).tables()


class Wobbling(Sound):
    def tables(self):
        t = super().tables()
        return replace(t, std=t.std * torch.rand((), dtype=torch.float64))


class Backwards(Sound):
    def tables(self):
        t = super().tables()
        return replace(t, mean_x0=t.mean_x1, mean_x1=t.mean_x0)


class Unfinished(Sound):
    def tables(self):
        t = super().tables()
        return replace(t, mean_x0=1 - 0.5 * t.mean_x1)


class Timeless(Sound):
    def tables(self):
        t = super().tables()
        return replace(t, time=torch.ones_like(t.time))


class Falling(Sound):
    def tables(self):
        t = super().tables()
        return replace(t, label_std=t.std)


class OtherMean(Sound):
    def posterior(self, n, m):
        step = super().posterior(n, m)
        return replace(step, x0=1.1 * step.x0)


class OtherNoise(Sound):
    def posterior(self, n, m):
        return replace(super().posterior(n, m), std=0.0)


class NoChain(Sound):
    """Keeps every marginal, as DBIM with eta = 0 does, which is no Markov chain where half of the noise is fresh."""

    def posterior(self, n, m):
        t = self.curves
        c_n, c_m = float(t.std[n]), float(t.std[m])
        w = 0.7 * c_m if c_n > 0 else c_m
        g = (c_m**2 - w**2) ** 0.5 / c_n if c_n > 0 else 0.0
        return Step(float(t.mean_x0[m] - g * t.mean_x0[n]), g, float(t.mean_x1[m] - g * t.mean_x1[n]), w)


class NoisyLimit(Sound):
    def noiseless(self, n, m):
        return self.posterior(n, m)


class WrongInverse(Sound):
    def predict_x0(self, x_n, output, n):
        return x_n - output


class Detached(Sound):
    def predict_x0(self, x_n, output, n):
        return super().predict_x0(x_n, output, n).detach()


class Barred(Sound):
    """Its factor is kept from inference mode, where it was first computed."""

    @cached_property
    def factor(self):
        return torch.ones(1)

    def predict_x0(self, x_n, output, n):
        return super().predict_x0(x_n, output * self.factor.to(output.dtype), n)


class OddScale(Sound):
    def input_scale(self, n):
        return 2.0 if isinstance(n, int) else 1.0


class NoisyStart(Sound):
    def start(self, x1, rng):
        return x1 + rng.normal_like(x1)


class GlobalEnd(Sound):
    def endpoint(self, lifted, rng):
        return lifted + torch.randn_like(lifted)


class Reseeding(Sound):
    def endpoint(self, lifted, rng):
        torch.manual_seed(0)
        return lifted


BROKEN = [
    (values.is_frozen, Changeable()),
    (schedule.has_tables, Wobbling()),
    (schedule.has_tables, Sound(steps=1)),
    (schedule.begins_at_x0, Backwards()),
    (schedule.ends_without_x0, Unfinished()),
    (schedule.tells_nodes_apart, Timeless()),
    (schedule.tells_nodes_apart, Falling()),
    (schedule.keeps_marginals, OtherMean()),
    (schedule.keeps_marginals, OtherNoise()),
    (schedule.steps_add_up, NoChain()),
    (schedule.has_a_noiseless_step, NoisyLimit()),
    (schedule.undoes_its_label, WrongInverse()),
    (schedule.can_be_differentiated, Detached()),
    (schedule.can_be_differentiated, Barred()),
    (schedule.scales_its_input, OddScale()),
    (schedule.starts_where_it_ends, NoisyStart()),
    (schedule.draws_for_each_image, GlobalEnd()),
    (schedule.works_quietly, Reseeding()),
]


def test_a_sound_schedule_passes():
    """What the broken ones are made from breaks nothing."""
    check_schedule(Sound())


def test_every_promise_is_broken_by_one():
    """No check that cannot fail."""
    assert {check for check, _ in BROKEN} >= CHECKS


@pytest.mark.parametrize(("check", "part"), BROKEN, ids=lambda value: getattr(value, "__name__", type(value).__name__))
def test_a_broken_promise_is_named(check, part):
    """It is the one that this schedule breaks."""
    with pytest.raises(BrokenPromise) as caught:
        check_schedule(part)
    assert caught.value.promise == promise_of(check)
