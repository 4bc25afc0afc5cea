"""Gaussian mixtures over vectors: what is known of them in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..kernel.errors import Error

HALVINGS = 45
"""Of the interval that a quantile is looked for in: to 1e-13 of it."""


@dataclass(frozen=True)
class GaussianMixture:
    """sum_k w_k N(mu_k, S_k) over vectors of d numbers; with leading dimensions (...), one law for each place.

    Attributes:
        weights: w (..., K), > 0, of sum 1.
        means: mu (..., K, d).
        covariances: S (K, d, d), positive definite.

    Raises:
        Error: shapes that do not go together.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def __post_init__(self) -> None:
        shapes = [tuple(each.shape) for each in (self.weights, self.means, self.covariances)]
        if shapes[1][:-1] != shapes[0] or shapes[2] != (*shapes[1][-2:], shapes[1][-1]):
            raise Error(f"a mixture has weights (..., K), means (..., K, d) and covariances (K, d, d), got {shapes}")
        if any(each.dtype != torch.float64 for each in (self.weights, self.means, self.covariances)):
            raise Error("the weights, means and covariances of a mixture are float64: call .double()")

    @property
    def size(self) -> int:
        """d."""
        return self.means.shape[-1]

    @cached_property
    def mean(self) -> Tensor:
        """(..., d)."""
        return (self.weights[..., None] * self.means).sum(-2)

    @cached_property
    def covariance(self) -> Tensor:
        """(..., d, d)."""
        off = self.means - self.mean[..., None, :]
        between = (self.weights[..., None, None] * off[..., :, None] * off[..., None, :]).sum(-3)
        return between + torch.einsum("...k,kij->...ij", self.weights, self.covariances)

    def seen(self, matrix: Tensor, spread: Tensor) -> GaussianMixture:
        """The law of y = G x + N(0, R): G (m, d), R (m, m)."""
        return GaussianMixture(self.weights, self.means @ matrix.mT, matrix @ self.covariances @ matrix.mT + spread)

    def given(self, y: Tensor, matrix: Tensor, spread: Tensor) -> GaussianMixture:
        """The law of x given y = G x + N(0, R): y (..., m), G (m, d), R (m, m).

        Raises:
            torch.linalg.LinAlgError: y has no density.
        """
        image = self.seen(matrix, spread)
        off = y[..., None, :] - image.means
        root = torch.linalg.cholesky(image.covariances)
        gain = torch.cholesky_solve(matrix @ self.covariances, root).mT  # S G^T (G S G^T + R)^-1
        unit = torch.eye(len(matrix), dtype=torch.float64).expand_as(root)
        white = _each(torch.linalg.solve_triangular(root, unit, upper=False), off)
        log_density = -0.5 * white.square().sum(-1) - root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return GaussianMixture(
            torch.softmax(self.weights.log() + log_density, dim=-1),
            self.means + _each(gain, off),
            self.covariances - gain @ matrix @ self.covariances,
        )

    def cdf(self, x: Tensor) -> Tensor:
        """The share below x (...), for d = 1."""
        return below(x, self.weights, self.means[..., 0], self.covariances[:, 0, 0].sqrt())


def below(x: Tensor, weights: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
    """The distribution function at x (...) of mixtures (..., K) over numbers."""
    shares: Tensor = torch.special.ndtr((x[..., None] - means) / deviations)
    return (weights * shares).sum(-1)


def quantiles(levels: Tensor, weights: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
    """The inverse of `below` (N, L) at levels (L,) of mixtures (N, 1, K), by bisection."""
    each: Tensor = means + torch.special.ndtri(levels)[:, None] * deviations
    low, high = each.amin(-1), each.amax(-1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        short = below(middle, weights, means, deviations) < levels
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return (low + high) / 2


def _each(matrices: Tensor, vectors: Tensor) -> Tensor:
    """The k-th of (K, m, d) times the k-th vector of (..., K, d): (..., K, m)."""
    return torch.einsum("kij,...kj->...ki", matrices, vectors)
