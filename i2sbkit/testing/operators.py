"""What the operator and the projection of a corruption promise, where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..kernel.errors import NotLinear
from ..kernel.interfaces import Operator

if TYPE_CHECKING:
    from .corruption import Damage

EXACT = 1e-4
"""Of a picture's numbers: float32, after a transform or two."""
ADJOINT = 1e-6
"""Of |A x| |u|: two random pictures of some 1e4 numbers have a product a thousand times larger."""
PINV = 1e-3
"""Of |A x|: the small singular values of a blur leave so much in float32."""
DRAWS = 3


def explains_the_observation(case: Damage) -> str | None:
    """Where there is an operator, A x0 + offset is the observation."""
    y = case.observe()
    operator = _operator(case)
    if operator is None:
        return None
    image = operator.A(case.x0) + operator.offset
    if image.shape != y.image.shape:
        return f"{tuple(image.shape)} in place of {tuple(y.image.shape)}"
    off = float((image - y.image).abs().max())
    return f"it is off by up to {off:.3g}" if off > EXACT else None


def is_linear(case: Damage) -> str | None:
    """A is linear: A (2 x - 3 z) = 2 A x - 3 A z."""
    operator = _operator(case)
    if operator is None:
        return None
    x, z = (_noise(case.x0, seed) for seed in (0, 1))
    expected = 2 * operator.A(x) - 3 * operator.A(z)
    off = _relative(operator.A(2 * x - 3 * z) - expected, expected)
    return f"they differ by {off:.2g} of their size" if off > EXACT else None


def has_its_adjoint(case: Damage) -> str | None:
    """At is the adjoint of A: <A x, u> = <x, At u>."""
    operator = _operator(case)
    if operator is None:
        return None
    for seed in range(DRAWS):
        x, y = _noise(case.x0, seed), operator.A(_noise(case.x0, seed + DRAWS))
        u = _noise(y, seed)
        image, back = operator.A(x), operator.At(u)
        if back.shape != x.shape:
            return f"At gives {tuple(back.shape)} for a picture {tuple(x.shape)}"
        left, right = _product(image, u), _product(x, back)
        if abs(left - right) > ADJOINT * _size(image) * _size(u) + ADJOINT * _size(x) * _size(back):
            return f"{left:.6g} and {right:.6g} for two random pictures"
    return None


def has_its_pseudo_inverse(case: Damage) -> str | None:
    """`pinv` is a pseudo-inverse of A, or None: A pinv A = A."""
    operator = _operator(case)
    if operator is None or operator.pinv is None:
        return None
    for x in (case.x0, _noise(case.x0, 0)):
        image = operator.A(x)
        back = operator.pinv(image)
        if back.shape != x.shape:
            return f"pinv gives {tuple(back.shape)} for a picture {tuple(x.shape)}"
        off = _relative(operator.A(back) - image, image)
        if off > PINV:
            return f"A pinv A x is off by {off:.2g} of the size of A x"
    return None


def projects_once(case: Damage) -> str | None:
    """Where there is a `projection`, it gives a picture of the same size, and twice is the same as once."""
    try:
        project = case.corruption.projection(case.observe())
    except NotLinear:  # this observation says too little of its damage
        return None
    if project is None:
        return None
    once = project(_noise(case.x0, 0))
    if once.shape != case.x0.shape:
        return f"{tuple(once.shape)} for a picture {tuple(case.x0.shape)}"
    off = _relative(project(once) - once, once)
    return f"they differ by {off:.2g} of their size" if off > PINV else None


OPERATOR = (explains_the_observation, is_linear, has_its_adjoint, has_its_pseudo_inverse, projects_once)


def _operator(case: Damage) -> Operator | None:
    try:
        return case.corruption.operator(case.observe())
    except NotLinear:
        return None


def _noise(like: Tensor, seed: int) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))


def _product(x: Tensor, z: Tensor) -> float:
    return float((x.double() * z.double()).sum())


def _size(x: Tensor) -> float:
    return float(x.double().norm())


def _relative(off: Tensor, x: Tensor) -> float:
    return _size(off) / max(_size(x), 1e-9)
