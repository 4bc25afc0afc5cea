"""DBMSolver is the published one: arXiv 2605.05889, in the coefficients of the diffusion that is pinned."""

import math
from dataclasses import dataclass, replace

import pytest
import torch
from exact import images
from sampler_walks import walk
from test_sampler_orders import INSIDE, LEVELS, PROBLEM, X1

from i2sbkit import Bridge, Rng
from i2sbkit.analytic import farthest_error
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.dbmsolver import DbmSolver
from i2sbkit_plugins.ve import Ve
from i2sbkit_plugins.vp import Vp

NODES = 400
EVEN = torch.linspace(0, 1, NODES, dtype=torch.float64)
T = torch.cat([EVEN[:1], torch.linspace(0.002 ** (1 / 7), 80 ** (1 / 7), NODES - 1, dtype=torch.float64) ** 7])
DIFFUSIONS = {
    "brownian": (Brownian(std=0.5, steps=NODES), torch.ones_like(EVEN), 0.5 * EVEN.sqrt()),
    "ve": (Ve(steps=NODES), torch.ones_like(EVEN), T),
    "vp": (Vp(steps=NODES), (-0.05 * EVEN - 0.5 * EVEN**2).exp(), (0.1 * EVEN + EVEN**2).expm1().sqrt()),
}
"""Schedule, alpha and rho, each (N,)."""


class Tanh:
    """A denoiser that knows the node, and remembers which it was asked of."""

    def __init__(self):
        self.asked = []

    def __call__(self, x_n, n):
        self.asked.append(n)
        return 0.8 * torch.tanh(x_n / 2) + 1e-3 * n


def boot(alpha, rho, x0h, x1, m):
    """From x1 to node m, all of its noise drawn."""
    done = (rho[m] / rho[-1]) ** 2
    a, b, c = alpha[m] / alpha[-1] * done, alpha[m] * (1 - done), alpha[m] * rho[m] * (1 - done).sqrt()
    return a * x1 + b * x0h + c * Rng(range(len(x1))).normal_like(x1)


def first_order(alpha, rho, x, x0h, x1, n, m):
    q, done = y(rho, m) / y(rho, n), (rho[m] / rho[-1]) ** 2
    of_x_n = alpha[m] / alpha[n] * q * (rho[m] / rho[n]) ** 2
    return of_x_n * x + alpha[m] * (1 - done) * (1 - 1 / q) * x0h + alpha[m] / alpha[-1] * done * (1 - q) * x1


def y(rho, n):
    return ((rho[-1] / rho[n]) ** 2 - 1).sqrt()


def half_way(rho, n, m):
    """The node between whose -ln rho is nearest to the middle."""
    half = -(rho[n].log() + rho[m].log()) / 2
    return min(range(m, n + 1), key=lambda k: abs(float(-rho[k].log() - half)))


def second_order(alpha, rho, denoise, x, x0h, x1, n, m):
    middle = half_way(rho, n, m)
    change = denoise(first_order(alpha, rho, x, x0h, x1, n, middle), middle) - x0h
    y_n, y_m = y(rho, n), y(rho, m)
    k = (math.atan(y_m) - math.atan(y_n)) / y_m + (rho[n] / rho[m]).log() - 1 + y_n / y_m
    done = (rho[m] / rho[-1]) ** 2
    weight = alpha[m] * (1 / done - 1) * done * k / (rho[n] / rho[middle]).log()
    return first_order(alpha, rho, x, x0h, x1, n, m) + weight * change


@pytest.mark.parametrize("nfe", [2, 5, 12, 40])
@pytest.mark.parametrize("name", DIFFUSIONS)
@pytest.mark.parametrize("order", [1, 2])
def test_it_is_the_published_solver(name, order, nfe):
    """State by state, with the middle of each step at the same node; the last step is Euler's."""
    schedule, alpha, rho = DIFFUSIONS[name]
    x1, asked, denoise = images(2, 3, 4, 4), Tanh(), Tanh()
    states = walk(DbmSolver(nfe=nfe, order=order), Bridge(schedule), x1, denoise=asked)
    n, x = NODES - 1, x1
    for state in states:
        x0h, m = denoise(x, n), state.n
        if m == 0:
            x = x0h
        elif n == NODES - 1:
            x = boot(alpha, rho, x0h, x1, m)
        elif order == 1:
            x = first_order(alpha, rho, x, x0h, x1, n, m)
        else:
            x = second_order(alpha, rho, denoise, x, x0h, x1, n, m)
        torch.testing.assert_close(state.x, x, atol=1e-12, rtol=1e-12)
        n = m
    assert asked.asked == denoise.asked


@dataclass(frozen=True, kw_only=True)
class Relabelled(Vp):
    """`vp` with another scale than rho_T for its labels."""

    scale: float

    def tables(self):
        return replace(super().tables(), label_std=self.scale * super().tables().label_std)


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_what_a_label_is_divided_by_does_not_cost_the_order(scale):
    """A schedule whose label_std is not rho moves the middles; the solver stays of second order."""
    bridge = Bridge(Relabelled(steps=10_001, scale=scale))
    picture = torch.full((1, 1, 1, len(LEVELS)), X1, dtype=torch.float64)
    exactly = PROBLEM.denoiser(bridge, picture), PROBLEM.walk(bridge, LEVELS, X1)
    found = [farthest_error(lambda nfe: DbmSolver(nfe=nfe), bridge, *exactly, (*INSIDE["vp"], k), X1) for k in (20, 40)]
    assert math.log2(found[0] / found[1]) == pytest.approx(2, abs=0.3)
