"""Distances between sets of pictures, from features, in one pass and bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..kernel.errors import Error
from .sketches import Sketch, hashes_of

BUFFER = 64
"""Features that wait until there are so many: sums are then taken in one matrix product."""


class Distribution:
    """The features of a set of pictures: their moments, and a sample of them that depends on the set alone.

    Attributes:
        count: pictures counted in.
    """

    def __init__(self) -> None:
        self.count = 0
        self._total = torch.zeros(0, dtype=torch.float64)
        self._squares = torch.zeros(0, 0, dtype=torch.float64)
        self._sketch = Sketch()
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._root: Tensor | None = None

    def add(self, keys: Sequence[str], features: Tensor) -> None:
        """Count pictures in.

        Args:
            keys: a name for each picture, unique in the set; they choose the sample.
            features: (B, D).

        Raises:
            Error: features that are not finite or of another length than those before, or a key seen before (noticed
                among those of the sample).
        """
        features = features.detach().to("cpu", torch.float32, copy=True)
        for key, one in zip(keys, features, strict=True):
            if not one.isfinite().all():
                raise Error(f"{key}: its features are not finite numbers; the picture or the network is damaged")
        self._expect(features.shape[1])
        self._waiting.append((hashes_of(keys), features))
        self.count += len(features)
        self._root = None
        if sum(len(waiting) for _, waiting in self._waiting) >= BUFFER:
            self._settle()

    def merge(self, other: Distribution) -> None:
        """Count in what another counted, as if its pictures had been added here.

        Raises:
            Error: features of another length, or a picture that both counted (noticed among those of the samples).
        """
        self._settle()
        other._settle()
        if not other.count:
            return
        self._expect(len(other._total))
        self.count += other.count
        self._total = self._total + other._total
        self._squares = self._squares + other._squares
        self._sketch = self._sketch.with_more(other._sketch.hashes, other._sketch.features)
        self._root = None

    def tensors(self) -> dict[str, Tensor]:
        """All of it, for a safetensors file."""
        self._settle()
        return {
            "count": torch.tensor(self.count),
            "total": self._total.clone(),
            "squares": self._squares.clone(),
            "hashes": self._sketch.hashes,
            "features": self._sketch.features,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Distribution:
        """The inverse of `tensors`."""
        distribution = cls()
        distribution.count = int(tensors["count"])
        distribution._total, distribution._squares = tensors["total"].clone(), tensors["squares"].clone()
        distribution._sketch = Sketch(tensors["hashes"], tensors["features"])
        return distribution

    def frechet(self, other: Distribution) -> float:
        """The squared Frechet distance of two normal distributions with the sets' means and covariances.

        |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2) (Dowson & Landau 1982), S with n - 1 as its divisor. With R R^T = S
        the trace of the root is the sum of the singular values of R1^T R2: no complex numbers, and as exact with
        fewer pictures than dimensions as with more.

        Raises:
            Error: fewer than two pictures in a set, or features of two lengths.
        """
        self._compare(other)
        means = self._total / self.count - other._total / other.count
        root, other_root = self._covariance_root(), other._covariance_root()
        spread = root.square().sum() + other_root.square().sum()
        common = torch.linalg.svdvals(root.T @ other_root).sum()
        return max(float(means.square().sum() + spread - 2 * common), 0.0)

    def kernel(self, other: Distribution) -> float:
        """The squared maximum mean discrepancy under the kernel (x . y / D + 1)^3 (Binkowski et al. 2018), unbiased.

        Of the samples, which are the whole sets up to `sketches.LARGEST` pictures. Pairs of one key, a picture and its
        restoration, are left out of the term across as they are within a set (Gretton et al. 2012, Eq. 4): they are
        not independent, and counting them would bias the estimate. It may be below 0.

        Raises:
            Error: fewer than two pictures in a set, or features of two lengths.
        """
        self._compare(other)
        return self._sketch.kernel(other._sketch)

    def _compare(self, other: Distribution) -> None:
        self._settle()
        other._settle()
        if min(self.count, other.count) < 2:
            raise Error("a distance between sets of pictures needs two pictures in each, better thousands")
        self._expect(len(other._total))

    def _covariance_root(self) -> Tensor:
        """R (D, r) with R R^T the covariance, r its rank."""
        if self._root is None:
            mean = self._total / self.count
            covariance = (self._squares - self.count * torch.outer(mean, mean)) / (self.count - 1)
            varying = covariance.diagonal() > 0  # of many rows of zeros LAPACK may find no eigenvalues
            values, vectors = torch.linalg.eigh(covariance[varying][:, varying])
            kept = values > values[-1:] * len(values) * torch.finfo(values.dtype).eps
            self._root = covariance.new_zeros(len(mean), int(kept.sum()))
            self._root[varying] = vectors[:, kept] * values[kept].sqrt()
        return self._root

    def _expect(self, length: int) -> None:
        """Make room for features of that length, or find that those before were of another."""
        if not len(self._total):
            self._total = torch.zeros(length, dtype=torch.float64)
            self._squares = torch.zeros(length, length, dtype=torch.float64)
        elif len(self._total) != length:
            raise Error(f"features of {length} dimensions among those of {len(self._total)}: two networks' are mixed")

    def _settle(self) -> None:
        """Count in what waits."""
        if self._waiting:
            hashes, features = (torch.cat(parts) for parts in zip(*self._waiting, strict=True))
            self._waiting = []
            self._sketch = self._sketch.with_more(hashes, features)
            wide = features.double()
            self._total += wide.sum(0)
            self._squares.addmm_(wide.T, wide)
