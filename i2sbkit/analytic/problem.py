"""A Gaussian mixture seen through a matrix and noise: the exact denoiser, the exact law and the exact walks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..kernel.bridge import Bridge
from ..kernel.errors import Error
from ..kernel.interfaces import Denoise
from ..kernel.rng import Rng
from .mixtures import GaussianMixture, quantiles


@dataclass(frozen=True)
class LinearProblem:
    """x0 from a mixture, x1 = A x0 + noise e; see `i2sbkit.analytic`.

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
        return quantiles(levels, law.weights, means, variances.sqrt())


def _vectors(picture: Tensor) -> Tensor:
    """(B, d, H, W) as (B, H, W, d)."""
    return picture.movedim(1, -1)


def _picture(vectors: Tensor) -> Tensor:
    """(B, H, W, d) as (B, d, H, W)."""
    return vectors.movedim(-1, 1)
