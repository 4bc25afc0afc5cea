"""Corruptions that break a promise each: `check_corruption` says which."""

from dataclasses import dataclass, replace
from itertools import count

import pytest
import torch

from i2sbkit import Corruption, NotSimulated, Observation, Operator
from i2sbkit.testing import BrokenPromise, check_corruption, corruption, operators, values
from i2sbkit.testing.promises import promise_of

CHECKS = {*values.VALUE, corruption.has_a_scale, *corruption.SIMULATED, *corruption.LIFTED, *operators.OPERATOR}
COUNTER = count(1)


@dataclass(frozen=True)
class Dim(Corruption):
    """A sound one: y = factor x0."""

    factor: float = 0.5

    def corrupt(self, x0, rng):
        return Observation(self.factor * x0, params={"factor": self.factor})

    def operator(self, y):
        return Operator(lambda x: self.factor * x, lambda u: self.factor * u, lambda u: u / self.factor)


@dataclass
class Changeable(Corruption):
    factor: float = 0.5

    def corrupt(self, x0, rng):
        return Observation(self.factor * x0)


@dataclass(frozen=True)
class Untyped(Dim):
    """A number that is meant as an option."""

    angle = 0.0


@dataclass(frozen=True)
class Mistyped(Dim):
    factor: int = 0.5


def local():
    class Local(Dim):
        pass

    return Local()


class HalfScale(Dim):
    scale = 0.5


class Cropped(Dim):
    def corrupt(self, x0, rng):
        return Observation(x0[:, 1:])


class Double(Dim):
    def corrupt(self, x0, rng):
        return Observation(x0.double())


class Failing(Dim):
    def corrupt(self, x0, rng):
        raise ZeroDivisionError("a bug")


class Bytes(Dim):
    def corrupt(self, x0, rng):
        return Observation(127.5 * (x0 + 1))


class Masked(Dim):
    def corrupt(self, x0, rng):
        return Observation(x0, torch.zeros_like(x0[:1]))


class Soft(Masked):
    masks = True

    def corrupt(self, x0, rng):
        return Observation(x0, torch.full_like(x0[:1], 0.5))


class InPlace(Dim):
    def corrupt(self, x0, rng):
        return Observation(x0.mul_(self.factor))


class GlobalNoise(Dim):
    def corrupt(self, x0, rng):
        return Observation((x0 + torch.randn_like(x0)).clamp(-1, 1))


class Remembering(Dim):
    def corrupt(self, x0, rng):
        return Observation(x0 / next(COUNTER))


class GlobalMask(Dim):
    masks = True

    def corrupt(self, x0, rng):
        return Observation(x0, (torch.rand_like(x0[:1]) < 0.5).float())


class NeverLifted(Dim):
    scale = 2

    def corrupt(self, x0, rng):
        return Observation(x0[:, ::2, ::2])


class NoisyLift(Dim):
    def lift(self, y, rng):
        return y.image + torch.randn_like(y.image)


class InPlaceLift(Dim):
    def lift(self, y, rng):
        return y.image.add_(torch.randn(y.image.shape, generator=rng))


class LiftByParams(Dim):
    def lift(self, y, rng):
        return y.image / y.params["factor"]


class Reseeding(Dim):
    def corrupt(self, x0, rng):
        torch.manual_seed(0)
        return Observation((x0 + torch.randn_like(x0)).clamp(-1, 1))


class Bare(Dim):
    """A picture in place of an observation."""

    def corrupt(self, x0, rng):
        return 0.5 * x0


class Refusing(Dim):
    def corrupt(self, x0, rng):
        raise NotSimulated("comes with the data")


class WrongOperator(Dim):
    def operator(self, y):
        return replace(super().operator(y), offset=0.1)


class Rectified(Dim):
    def corrupt(self, x0, rng):
        return Observation(x0.relu())

    def operator(self, y):
        return Operator(torch.relu, torch.relu)


class WrongAdjoint(Dim):
    def operator(self, y):
        return replace(super().operator(y), At=lambda u: 2 * self.factor * u)


class WrongPinv(Dim):
    def operator(self, y):
        return replace(super().operator(y), pinv=lambda u: u)


class WrongProjection(Dim):
    def projection(self, y):
        return lambda x: 0.5 * x


BROKEN = [
    (values.is_frozen, Changeable()),
    (values.types_its_options, Untyped()),
    (values.survives_toml, Mistyped()),
    (values.survives_pickling, local()),
    (corruption.has_a_scale, HalfScale()),
    (corruption.observes_a_picture, Cropped()),
    (corruption.observes_a_picture, Double()),
    (corruption.observes_a_picture, Failing()),
    (corruption.observes_a_picture, Bare()),
    (corruption.stays_in_range, Bytes()),
    (corruption.masks_where_it_says, Masked()),
    (corruption.masks_where_it_says, Soft()),
    (corruption.leaves_x0, InPlace()),
    (corruption.follows_its_seed, GlobalNoise()),
    (corruption.follows_its_seed, Remembering()),
    (corruption.follows_its_seed, GlobalMask()),
    (corruption.lifts_to_full_size, NeverLifted()),
    (corruption.lifts_by_its_seed, NoisyLift()),
    (corruption.lifts_by_its_seed, InPlaceLift()),
    (corruption.lifts_a_file, LiftByParams()),
    (corruption.damages_quietly, Reseeding()),
    (operators.explains_the_observation, WrongOperator()),
    (operators.is_linear, Rectified()),
    (operators.has_its_adjoint, WrongAdjoint()),
    (operators.has_its_pseudo_inverse, WrongPinv()),
    (operators.projects_once, WrongProjection()),
]


def test_a_sound_corruption_passes():
    """What the broken ones are made from breaks nothing."""
    check_corruption(Dim())


def test_every_promise_is_broken_by_one():
    """No check that cannot fail."""
    assert {check for check, _ in BROKEN} == CHECKS


@pytest.mark.parametrize(("check", "part"), BROKEN, ids=lambda value: getattr(value, "__name__", type(value).__name__))
def test_a_broken_promise_is_named(check, part):
    """It is the one that this corruption breaks, with what came back and where more is said."""
    with pytest.raises(BrokenPromise) as caught:
        check_corruption(part)
    assert caught.value.promise == promise_of(check)
    promise, found, page = str(caught.value).split("\n")
    assert promise == caught.value.promise
    assert found == f"  found: {caught.value.found}"
    assert page == f"  see: {caught.value.page}"


def test_damage_that_comes_with_the_data_takes_an_example():
    """With a pair, or a picture for its own observation where there is none; `corrupt` only refuses."""
    x0, sound = corruption.picture(1), Refusing()
    check_corruption(sound, pair=(x0, Observation(0.5 * x0)))
    with pytest.raises(BrokenPromise, match="A x0"):
        check_corruption(sound)
    with pytest.raises(BrokenPromise, match="A x0"):
        check_corruption(sound, pair=(x0, Observation(0.4 * x0)))
