"""Means with intervals over any number of pictures, in memory that does not grow with them.

Bootstrap by weights: in each of `REPLICATES` replicates a picture counts as often as a Poisson variable of mean 1 says
(Chamandy et al. 2012, the streaming form of Efron's bootstrap). A picture's weights follow from its key, so that any
order and any partition give the same replicates, and differences between arms are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..kernel.rng import derive_seed
from ..results.evaluation import Against, Interval

REPLICATES = 1000
LEVEL = 0.95
FLIPS = 9999
"""Sign flips of the paired test; its smallest p is 1 / (FLIPS + 1)."""


class Means:
    """Means of several columns; pictures may lack values, as nan, which then do not count there."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._sums = np.zeros((len(self.columns), REPLICATES + 1))  # the last replicate counts each picture once
        self._weights = np.zeros_like(self._sums)

    def add(self, key: str, values: Mapping[str, float]) -> None:
        """Count a picture in."""
        weights = _weights(key)
        for row, column in enumerate(self.columns):
            value = values.get(column, np.nan)
            if not np.isnan(value):
                drawn = weights > 0  # only there: infinity times 0 would be nan
                self._sums[row][drawn] += weights[drawn] * value
                self._weights[row] += weights

    def merge(self, other: Means) -> None:
        """Count in what another counted of the same columns."""
        self._sums += other._sums
        self._weights += other._weights

    def counts(self) -> dict[str, int]:
        """How many pictures had a value of each column."""
        return {column: int(weights[-1]) for column, weights in zip(self.columns, self._weights, strict=True)}

    def intervals(self) -> dict[str, Interval]:
        """Of each column that has values, the mean and its 95 % interval (percentiles)."""
        found = {}
        for column, sums, weights in zip(self.columns, self._sums, self._weights, strict=True):
            if weights[-1] > 0:
                drawn = weights[:-1] > 0
                means = sums[:-1][drawn] / weights[:-1][drawn]
                tail = (1 - LEVEL) / 2
                low, high = np.quantile(means, (tail, 1 - tail), method="nearest")
                found[column] = Interval(float(sums[-1] / weights[-1]), float(low), float(high))
        return found

    def tensors(self) -> dict[str, Tensor]:
        """All of it, to be stored."""
        return {"sums": torch.from_numpy(self._sums), "weights": torch.from_numpy(self._weights)}

    @classmethod
    def from_tensors(cls, columns: Sequence[str], tensors: Mapping[str, Tensor]) -> Means:
        """The inverse of `tensors`."""
        means = cls(columns)
        means._sums, means._weights = tensors["sums"].numpy().copy(), tensors["weights"].numpy().copy()
        return means


class Differences:
    """Paired differences of columns: their means, and how likely they are if the two sides are alike.

    Attributes:
        left_out: how many differences of each column did not count, as they are not finite.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._means = Means(columns)
        self._flipped = np.zeros((len(columns), FLIPS))
        self._sums = np.zeros(len(columns))
        self.left_out = dict.fromkeys(columns, 0)

    def add(self, key: str, differences: Mapping[str, float]) -> None:
        """Count a picture in; a difference that is not finite, as of infinities, does not count."""
        finite = {column: value for column, value in differences.items() if np.isfinite(value)}
        for column in differences.keys() - finite.keys():
            self.left_out[column] += 1
        self._means.add(key, finite)
        values = np.array([finite.get(column, 0.0) for column in self._means.columns])
        self._sums += values
        self._flipped += values[:, None] * _signs(key)

    def against(self) -> dict[str, Against]:
        """Of each column that has differences their mean with its interval, and the two-sided p.

        The p is that of the sign-flip (randomisation) test, by Monte Carlo with `FLIPS` draws.
        """
        slack = 1e-12 * np.abs(self._sums)[:, None]  # sums of the same numbers in another order are not less
        beyond = (np.abs(self._flipped) >= np.abs(self._sums)[:, None] - slack).sum(axis=1)
        p_values = dict(zip(self._means.columns, (1 + beyond) / (1 + FLIPS), strict=True))
        return {name: Against(each, float(p_values[name])) for name, each in self._means.intervals().items()}


def difference(a: float, b: float) -> float:
    """a - b; 0 for equal values, also where both are infinite as the PSNR of two perfect results."""
    return 0.0 if a == b else a - b


def _weights(key: str) -> np.ndarray:
    """How often a picture counts in each replicate, and once in the last."""
    drawn = _generator("bootstrap", key).poisson(1.0, REPLICATES)
    return np.append(drawn, 1).astype(np.float64)


def _signs(key: str) -> np.ndarray:
    return _generator("signs", key).integers(0, 2, FLIPS, dtype=np.int8) * 2.0 - 1.0


def _generator(purpose: str, key: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(derive_seed(purpose, key)))
