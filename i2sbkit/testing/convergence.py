"""Whether a sampler, with many evaluations, gives what the exact answer is: draws of x0 given x1."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..analytic import GaussianMixture, LinearProblem
from ..kernel.bridge import Bridge
from ..kernel.interfaces import Sampler
from ..kernel.rng import Rng
from .bed import Pinned

MANY = 100
"""Evaluations."""
SIDE = 64
"""Of a picture; each pixel is a draw of its own."""
FAR = 0.07
"""Between distribution functions: 4096 exact draws are up to 0.025 off, steps of a hundredth up to 0.03 more."""
OBSERVED = 0.1
"""x1, where two answers are likely."""


def converges(sampler: Sampler) -> str | None:
    """With many evaluations and the exact denoiser it draws from the exact law: stochastic, that of x0 given x1; else,
    on the bridge without noise, that of all x0.

    Asked where `nfe` is an option: what has few evaluations by design need not.
    """
    if not any(option.name == "nfe" and option.init for option in dataclasses.fields(sampler)):  # type: ignore[arg-type]
        return None
    many, problem = dataclasses.replace(sampler, nfe=MANY), _problem()  # type: ignore[type-var]
    bridge = Bridge(Pinned(), ot_ode=not many.stochastic)
    observed = torch.tensor([OBSERVED], dtype=torch.float64) if many.stochastic else None
    x1, denoise, law = problem.posed(bridge, observed, SIDE, Rng([0]))
    *_, last = many.sample(denoise, bridge, x1, Rng([1]))
    far = _distance(last.x.flatten(), law)
    exact, found = float(law.mean), float(last.x.mean())
    return f"draws of mean {found:.3g}, in place of {exact:.3g}, and {far:.2g} from its law" if far > FAR else None


CONVERGENCE = (converges,)


def _problem() -> LinearProblem:
    """Two Gaussians, seen through noise that does not always tell them apart."""
    numbers = {"weights": [0.4, 0.6], "means": [[-0.6], [0.5]], "covariances": [[[0.02]], [[0.05]]]}
    prior = GaussianMixture(**{name: torch.tensor(each, dtype=torch.float64) for name, each in numbers.items()})
    return LinearProblem(prior, torch.ones(1, 1, dtype=torch.float64), noise=0.5)


def _distance(draws: Tensor, law: GaussianMixture) -> float:
    """The largest between two distribution functions (Kolmogorov)."""
    exact, count = law.cdf(draws.sort().values), len(draws)
    steps = torch.arange(count + 1, dtype=torch.float64) / count
    return float(torch.maximum((steps[1:] - exact).abs(), (exact - steps[:-1]).abs()).max())
