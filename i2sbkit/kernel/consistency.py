"""Data consistency: pull each clean estimate towards what was observed, whatever the sampler.

A `Pull` moves one estimate (C, H, W). `consistent` applies one to each image; `deeply` goes
through the network.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .interfaces import Denoise, Operator

Pull = Callable[[Tensor], Tensor]
"""From an estimate (C, H, W) to one nearer to the observation."""
TIKHONOV = 1e-3
"""Variance of the observation's noise over that of the estimate's error: 8-bit rounding (5e-6) against 29 dB PSNR."""
STEPS = 100
CONVERGED = 1e-3
"""Of the first residual's norm, what conjugate gradients leave."""


def consistent(denoise: Denoise, pulls: Sequence[Pull], strength: float = 1.0) -> Denoise:
    """x0h + strength (pull(x0h) - x0h), an image at a time; one pull an image."""

    def wrapped(x_n: Tensor, n: int) -> Tensor:
        x0h = denoise(x_n, n)
        pulled = torch.stack([pull(x) for pull, x in zip(pulls, x0h, strict=True)])
        return torch.lerp(x0h, pulled, strength)

    return wrapped


def deeply(denoise: Denoise, pulls: Sequence[Pull], strength: float = 1.0) -> Denoise:
    """x0h - strength grad_(x_n) ||A x0h(x_n) - y||^2: through the network (CDDB deep, Chung et al. 2023).

    Args:
        pulls: each a `gradient_step`, whose step J^T takes back to x_n; J is the Jacobian of `denoise`.
    """

    def wrapped(x_n: Tensor, n: int) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            x_n = x_n.clone().requires_grad_()  # a copy: what was made in inference mode is barred from autograd
            x0h = denoise(x_n, n)
            estimate = x0h.detach()
            step = torch.stack([pull(x) - x for pull, x in zip(pulls, estimate, strict=True)])
            (through,) = torch.autograd.grad(x0h, x_n, step)
        return estimate + strength * through

    return wrapped


def gradient_step(operator: Operator, y: Tensor) -> Pull:
    """x - grad ||A x - y||^2 (CDDB, Chung et al. 2023); y (C, h, w). Half never overshoots if |A| <= 1."""
    return lambda x: x - 2 * operator.At(_residual(operator, x, y))


def projection(operator: Operator, y: Tensor, noise: float = TIKHONOV) -> Pull:
    """x - (A^T A + noise I)^-1 A^T (A x - y): DDNM (Wang et al. 2023) with a pseudo-inverse that bears noise.

    It is the most likely picture where the observation's noise has the variance `noise` and x an error of variance 1;
    at noise = 0 it leads to A x = y. Solved by conjugate gradients, so any A with its adjoint will do.
    """
    return lambda x: x - _solved(operator, operator.At(_residual(operator, x, y)), noise)


def _residual(operator: Operator, x: Tensor, y: Tensor) -> Tensor:
    """A x + offset - y for one image."""
    offset = operator.offset
    return operator.A(x) - y.to(x) + (offset.to(x) if isinstance(offset, Tensor) else offset)


def _solved(operator: Operator, right: Tensor, noise: float) -> Tensor:
    """u of (A^T A + noise I) u = right, by conjugate gradients (Hestenes and Stiefel 1952)."""
    u, residual, direction = torch.zeros_like(right), right, right
    size = first = (right * right).sum()
    for _ in range(STEPS):
        if size <= CONVERGED**2 * first:
            break
        image = operator.At(operator.A(direction)) + noise * direction
        step = size / (direction * image).sum()
        u, residual = u + step * direction, residual - step * image
        before, size = size, (residual * residual).sum()
        direction = residual + size / before * direction
    return u
