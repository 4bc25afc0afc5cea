"""Random exact bridges for hypothesis.

An exact bridge is a Markov chain x_k = (alpha_k / alpha_j) x_j + alpha_k sqrt(v_k - v_j) z from x_0, pinned at x_{N-1}:
with alpha = 1 it is I2SB's (v = sigma^2), else mean-reverting or variance-preserving (bridges.md 1.0, v = rho^2).
"""

from dataclasses import dataclass

import torch
from hypothesis import settings
from hypothesis import strategies as st

from i2sbkit import BridgeSchedule, Tables

exact = settings(deadline=None, derandomize=True, max_examples=60)
"""How the identities are tested: the same examples every time."""

etas = st.floats(0, 1)


@dataclass(frozen=True)
class Chain(BridgeSchedule):
    """The bridge of a chain: N variances rising from 0, and N scales alpha with alpha_0 = 1."""

    variance: tuple[float, ...]
    alpha: tuple[float, ...]

    def tables(self) -> Tables:
        v = torch.tensor(self.variance, dtype=torch.float64)
        alpha = torch.tensor(self.alpha, dtype=torch.float64)
        done = v / v[-1]
        return Tables(
            mean_x0=alpha * (1 - done),
            mean_x1=alpha / alpha[-1] * done,
            std=alpha * (v * (1 - done)).sqrt(),
            label_std=v.sqrt(),
            time=torch.arange(len(v), dtype=torch.float64),
        )


@st.composite
def variances(draw: st.DrawFn) -> tuple[float, ...]:
    """0 = v_0 < v_1 < ... < v_{N-1} = S in [0.01, 10], N from 3 to 40; increments differ by up to 10^4."""
    exponents = draw(st.lists(st.floats(-4, 0), min_size=2, max_size=39))
    total = draw(st.floats(0.01, 10))
    increments = torch.tensor([10.0**e for e in exponents], dtype=torch.float64)
    sums = increments.cumsum(0) * (total / increments.sum())
    return (0.0, *sums.tolist())


@st.composite
def i2sb_chains(draw: st.DrawFn) -> Chain:
    """I2SB's bridge with any increasing variance, exact: A + B = 1."""
    v = draw(variances())
    return Chain(v, (1.0,) * len(v))


@st.composite
def scaled_chains(draw: st.DrawFn) -> Chain:
    """Bridges with A + B != 1: alpha falls (mean-reverting, variance-preserving) or rises, by up to 10 % a node."""
    v = draw(variances())
    ratios = draw(st.lists(st.floats(0.9, 1.1), min_size=len(v) - 1, max_size=len(v) - 1))
    alpha = torch.tensor([1.0, *ratios], dtype=torch.float64).cumprod(0)
    return Chain(v, tuple(alpha.tolist()))


chains = i2sb_chains() | scaled_chains()


@st.composite
def steps(draw: st.DrawFn, schedules: st.SearchStrategy[Chain] = chains) -> tuple[Chain, int, int]:
    """A bridge and a step on it from n to m < n."""
    schedule = draw(schedules)
    n = draw(st.integers(1, len(schedule.variance) - 1))
    return schedule, n, draw(st.integers(0, n - 1))


@st.composite
def walks(draw: st.DrawFn, schedules: st.SearchStrategy[Chain] = chains) -> tuple[Chain, int]:
    """A bridge and a number of evaluations that it allows."""
    schedule = draw(schedules)
    return schedule, draw(st.integers(1, len(schedule.variance) - 1))
