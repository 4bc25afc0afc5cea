"""Training sets for tests, and their samples by counter."""

from dataclasses import dataclass
from itertools import islice

import torch

from i2sbkit import Corruption, Observation
from i2sbkit.data import TrainingSet, training_batches
from i2sbkit.pairs import Damage

SIZE = 16


@dataclass(frozen=True)
class Noisy(Corruption):
    """Adds noise; lifts by adding more: both draw from the sample's generator."""

    def corrupt(self, x0, rng):
        return Observation(x0 + 0.3 * torch.randn(x0.shape, generator=rng))

    def lift(self, y, rng):
        return y.image + torch.randn(y.image.shape, generator=rng)


def training_set(index, corruption=None, **options):
    damage = {name: options.pop(name) for name in ("quantize", "paired", "masks") if name in options}
    return TrainingSet(index, Damage(corruption or Noisy(), **damage), **{"size": SIZE, "crops": 3, **options})


def take(index, start, batch, count, **options):
    """The first batches of a training as (counters, x0, x1)."""
    loader = {key: options.pop(key) for key in ("workers", "rank", "world") if key in options}
    batches = training_batches(training_set(index, **options), start, batch, **loader)
    return [(batch.counters, batch.x0, batch.x1) for batch in islice(batches, count)]


def samples(batches):
    """counter -> (x0, x1)."""
    return {number: (x0[i], x1[i]) for counters, x0, x1 in batches for i, number in enumerate(counters)}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for number in one:
        assert torch.equal(one[number][0], other[number][0])
        assert torch.equal(one[number][1], other[number][1])
