"""A test bed whose answers are known: Gaussian mixtures, seen through a matrix.

A picture (B, d, H, W) is a field of independent vectors, one a pixel, of d channels:

    x0 ~ sum_k w_k N(mu_k, S_k),    x1 = A x0 + noise e,    e ~ N(0, I).

On any bridge x_n = a x0 + b x1 + c z the law of x0 given x_n, given x1 or given both is then a mixture too, and with it
the best denoiser is known: `LinearProblem.denoiser`. What a sampler makes of it is compared with `LinearProblem.law`.
For d = 1 the deterministic walks are known as well: `LinearProblem.walk`. All numbers are float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .kernel.bridge import Bridge
from .kernel.errors import Error
from .kernel.interfaces import Denoise
from .kernel.rng import Rng

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
        return _below(x, self.weights, self.means[..., 0], self.covariances[:, 0, 0].sqrt())


@dataclass(frozen=True)
class LinearProblem:
    """x0 from a mixture, x1 = A x0 + noise e; see the head of this module.

    Args:
        prior: the law of x0, without leading dimensions.
        matrix: A (d, d).
        noise: > 0.

    Raises:
        Error: shapes that do not go together, or no noise.
    """

    prior: GaussianMixture
    matrix: Tensor
    noise: float

    def __post_init__(self) -> None:
        d = self.prior.size
        if self.prior.weights.dim() != 1 or self.matrix.shape != (d, d) or self.matrix.dtype != torch.float64:
            raise Error(f"a prior over {d} numbers takes a matrix ({d}, {d}), float64, got {tuple(self.matrix.shape)}")
        if not self.noise > 0:
            raise Error(f"noise must be > 0, got {self.noise}")

    def pictures(self, rng: Rng, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Draws of x0 and x1, each (B, d, H, W)."""
        chosen = [torch.multinomial(self.prior.weights, height * width, True, generator=each) for each in rng]
        k = torch.stack(chosen).reshape(-1, height, width)
        roots = torch.linalg.cholesky(self.prior.covariances)
        x0 = torch.zeros(len(k), self.prior.size, height, width, dtype=torch.float64)
        x0 = _picture(self.prior.means[k] + (roots[k] @ _vectors(rng.normal_like(x0))[..., None])[..., 0])
        return x0, _picture(_vectors(x0) @ self.matrix.mT) + self.noise * rng.normal_like(x0)

    def law(self, x1: Tensor) -> GaussianMixture:
        """The law of x0 given x1 (..., d)."""
        return self.prior.given(x1, self.matrix, self.noise**2 * torch.eye(self.prior.size, dtype=torch.float64))

    def denoiser(self, bridge: Bridge, x1: Tensor | None = None) -> Denoise:
        """E[x0 | x_n, x1] for x1 (B, d, H, W), as a network with cond_x1 learns it; without x1, E[x0 | x_n]."""
        t, one = bridge.tables, torch.eye(self.prior.size, dtype=torch.float64)
        a, b, c = t.mean_x0.tolist(), t.mean_x1.tolist(), t.std.tolist()
        known = None if x1 is None else self.law(_vectors(x1))

        def denoise(x_n: Tensor, n: int) -> Tensor:
            if known is None or x1 is None:
                matrix, variance = a[n] * one + b[n] * self.matrix, (b[n] * self.noise) ** 2 + c[n] ** 2
                return _picture(self.prior.given(_vectors(x_n), matrix, variance * one).mean).to(x_n.dtype)
            if a[n] == 0.0:  # x_n says nothing of x0
                return _picture(known.mean).to(x_n.dtype)
            rest = _vectors(x_n - b[n] * x1)
            return _picture(known.given(rest, a[n] * one, c[n] ** 2 * one).mean).to(x_n.dtype)

        return denoise

    def posed(self, bridge: Bridge, x1: Tensor | None, side: int, rng: Rng) -> tuple[Tensor, Denoise, GaussianMixture]:
        """What a sampler is given, the degraded picture and the denoiser, and the law that side^2 draws should have.

        Args:
            x1: what is restored (d,) in every pixel, the law being that of x0 given it; None: many draws of it, whose
                restorations have the law of x0, as an OT-ODE promises, by a denoiser that does not see x1.
        """
        if x1 is None:
            return self.pictures(rng, side, side)[1], self.denoiser(bridge), self.prior
        degraded = x1[None, :, None, None].expand(1, -1, side, side).clone()
        return degraded, self.denoiser(bridge, degraded), self.law(x1)

    def walk(self, bridge: Bridge, levels: Tensor, x1: float | None = None) -> Tensor:
        """The states of the deterministic walks at each node (N, L), for d = 1.

        Those of `dbim` with eta = 0 keep every marginal q(x_n | x1), those of an OT-ODE every q(x_n), and in one
        dimension none overtakes another: each stays at its level (L,) in (0, 1) of these laws.

        Args:
            x1: what is restored; None: the law over all x1.
        """
        t = bridge.tables
        a, b, c = (table[:, None, None] for table in (t.mean_x0, t.mean_x1, t.std))
        if x1 is None:
            law, factor, shift, spread = self.prior, a + b * self.matrix, 0 * b, (b * self.noise) ** 2 + c**2
        else:
            law = self.law(torch.tensor([x1], dtype=torch.float64))
            factor, shift, spread = a, b * x1, c**2
        means = factor * law.means[:, 0] + shift
        variances = factor**2 * law.covariances[:, 0, 0] + spread
        return _quantiles(levels, law.weights, means, variances.sqrt())


def _each(matrices: Tensor, vectors: Tensor) -> Tensor:
    """The k-th of (K, m, d) times the k-th vector of (..., K, d): (..., K, m)."""
    return torch.einsum("kij,...kj->...ki", matrices, vectors)


def _below(x: Tensor, weights: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
    """The distribution function at x (...) of mixtures (..., K) over numbers."""
    shares: Tensor = torch.special.ndtr((x[..., None] - means) / deviations)
    return (weights * shares).sum(-1)


def _quantiles(levels: Tensor, weights: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
    """Its inverse (N, L) at levels (L,) of mixtures (N, 1, K), by bisection."""
    each: Tensor = means + torch.special.ndtri(levels)[:, None] * deviations
    low, high = each.amin(-1), each.amax(-1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = _below(middle, weights, means, deviations) < levels
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


def _vectors(picture: Tensor) -> Tensor:
    """(B, d, H, W) as (B, H, W, d)."""
    return picture.movedim(1, -1)


def _picture(vectors: Tensor) -> Tensor:
    """(B, H, W, d) as (B, d, H, W)."""
    return vectors.movedim(-1, 1)
