"""The samplers: where they end, how much noise they hold, and what they leave alone."""

import pytest
import torch
from exact import Symbols, close, images, moments
from hypothesis import given
from hypothesis import strategies as st
from sampler_walks import Counting, every_schedule, same, walk
from strategies import etas, exact, walks
from torch import Tensor

from i2sbkit import Bridge, BridgeSchedule, Error, Rng, State, Tables
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.dbmsolver import DbmSolver
from i2sbkit_plugins.i2sb import I2sb
from i2sbkit_plugins.ode import Ode
from i2sbkit_plugins.ode2 import Ode2
from i2sbkit_plugins.sde import Sde

ALL = [
    lambda nfe: Sde(nfe=nfe),
    lambda nfe: Ode(nfe=nfe),
    *(lambda nfe, e=e: Dbim(nfe=nfe, eta=e) for e in (0, 0.3, 1)),
    *(lambda nfe, o=o: Dbim(nfe=nfe, order=o) for o in (2, 3)),
    lambda nfe: DbmSolver(nfe=nfe, order=1),
    lambda nfe: Ode2(nfe=nfe),
    lambda nfe: Sde(nfe=nfe, spacing="karras"),
    lambda nfe: Dbim(nfe=nfe, spacing="logsnr"),
]
NAMES = [
    "sde",
    "ode",
    "dbim-0",
    "dbim-0.3",
    "dbim-1",
    "dbim-2nd",
    "dbim-3rd",
    "dbmsolver-1st",
    "ode2",
    "sde-karras",
    "dbim-logsnr",
]
every_sampler = pytest.mark.parametrize("make", ALL, ids=NAMES)


class Noisy(BridgeSchedule):
    """ResShift: not pinned at x1, so that sampling starts from a noisy copy (Yue et al. 2023, Eq. 2)."""

    def tables(self) -> Tables:
        shift = torch.linspace(0.01, 1, 12, dtype=torch.float64)
        return Tables(1 - shift, shift, 0.7 * shift.sqrt(), shift, shift)

    def start(self, x1: Tensor, rng: Rng) -> Tensor:
        return x1 + 0.7 * rng.normal_like(x1)


@every_sampler
@pytest.mark.parametrize("nfe", [1, 2, 7, 19])
def test_denoise_is_called_nfe_times_at_the_nodes(make, nfe):
    """One call a step, from x1 itself at node N-1 on; one State a step, the last at node 0."""
    denoise, x1, bridge = Counting(), images(2, 3, 4, 4), Bridge(Brownian(std=0.5, steps=20))
    states = walk(make(nfe), bridge, x1, denoise=denoise)
    assert len(denoise.asked) == len(states) == nfe == make(nfe).nfe
    nodes = bridge.nodes(nfe, make(nfe).spacing)
    assert [n for _, n in denoise.asked] == nodes[:-1]
    assert [state.n for state in states] == nodes[1:]
    assert denoise.asked[0][0] is x1
    assert all(state.x is x_n for state, (x_n, _) in zip(states, denoise.asked[1:], strict=False))


@every_sampler
def test_a_sampler_does_nothing_before_it_is_asked(make):
    """Stopping after a step costs no further call."""
    denoise = Counting()
    states = make(7).sample(denoise, Bridge(Brownian(std=0.5, steps=20)), images(1, 3, 4, 4), Rng([0]))
    assert len(denoise.asked) == 0
    next(states)
    assert len(denoise.asked) == 1


@every_sampler
@every_schedule
def test_images_of_a_batch_do_not_see_each_other(make, schedule):
    """Image k of a batch of three is, to the bit, what the same seed gives alone."""
    x1, bridge = images(3, 3, 6, 5, dtype=torch.float32), Bridge(schedule)
    together = walk(make(5), bridge, x1, Rng([7, 8, 9]))
    for k in range(3):
        one = slice(k, k + 1)
        cut = [State(state.n, state.x[one], state.x0h[one]) for state in together]
        assert same(walk(make(5), bridge, x1[one], Rng([7 + k])), cut)


@every_sampler
def test_x1_and_states_are_not_modified(make):
    """What a sampler was given or has handed out stays as it is."""
    x1 = images(2, 3, 4, 4)
    before, copies = x1.clone(), []
    states = []
    for state in make(6).sample(Counting(), Bridge(I2sb(beta_max=0.3, steps=20)), x1, Rng([0, 1])):
        states.append(state)
        copies.append((state.x.clone(), state.x0h.clone()))
    assert torch.equal(x1, before)
    assert all(torch.equal(s.x, x) and torch.equal(s.x0h, x0h) for s, (x, x0h) in zip(states, copies, strict=True))


@exact
@given(walks(), st.sampled_from(ALL))
def test_a_perfect_denoiser_ends_at_x0(case, make):
    """On exact tables every sampler ends at x0 if told x0."""
    (chain, nfe), x0, x1 = case, *images(2, 1, 1, 2, 2)
    last = walk(make(nfe), Bridge(chain), x1, denoise=lambda x_n, n: x0)[-1]
    assert last.n == 0
    torch.testing.assert_close(last.x, x0, atol=1e-12, rtol=0)


@exact
@given(walks(), etas | st.just(1.0))
def test_a_perfect_denoiser_walks_along_the_marginals(case, eta):
    """Told x0, each state is a draw of q(x_m | x0, x1): DBIM's theorem, for any eta, steps and exact bridge."""
    bridge, nfe, rng = Bridge(case[0]), case[1], Symbols(2, 40)
    x0 = rng.variable(0)
    for state in walk(Dbim(nfe=nfe, eta=eta), bridge, rng.variable(1), rng, lambda x_n, n: x0):
        mean, variance = rng.split(state.x)
        close((*mean, variance), moments(bridge, state.n), 1e-9)


@every_sampler
@pytest.mark.parametrize("nfe", [1, 10, 999])
def test_a_perfect_denoiser_ends_near_x0_on_the_authors_tables(make, nfe):
    """Told x0, what is left at node 0 is at most what its marginal holds: B_0 of x1 - x0, noise of deviation C_0."""
    bridge, rng = Bridge(I2sb(beta_max=0.3)), Symbols(2, 1000)
    x0, t = rng.variable(0), bridge.tables
    (of_x0, of_x1), variance = rng.split(walk(make(nfe), bridge, rng.variable(1), rng, lambda x_n, n: x0)[-1].x)
    assert of_x0 + of_x1 == pytest.approx(1, abs=1e-12)
    assert -1e-9 <= of_x1 <= 1.001 * float(t.mean_x1[0])
    assert variance <= 1.001 * float(t.std[0] ** 2)


@every_sampler
@every_schedule
@pytest.mark.parametrize("nfe", [1, 4])
def test_noise_is_drawn_only_where_it_is_due(make, schedule, nfe):
    """No noise for node 0; the ODEs draw none; dbim with eta = 0 and dbmsolver draw at the first step only."""
    rng = Symbols(1, 10)
    sampler = make(nfe)
    walk(sampler, Bridge(schedule), rng.variable(0), rng, lambda x_n, n: 0.5 * x_n)
    none, once = not sampler.stochastic, isinstance(sampler, DbmSolver) or getattr(sampler, "eta", 1) == 0
    assert rng.drawn == (0 if none else min(nfe - 1, 1) if once else nfe - 1)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_noisy_start_is_no_boot(eta):
    """Where sampling starts from a noisy copy, its noise is kept: marginals stay, and eta = 0 draws no other."""
    bridge, rng = Bridge(Noisy()), Symbols(2, 12)
    x0 = rng.variable(0)
    for state in list(walk(Dbim(nfe=11, eta=eta), bridge, rng.variable(1), rng, lambda x_n, n: x0))[:-1]:
        mean, variance = rng.split(state.x)
        close((*mean, variance), moments(bridge, state.n))
    assert rng.drawn == (1 if eta == 0 else 11)


@every_sampler
def test_float32_is_enough(make):
    """A walk of 999 steps in float32 differs from float64 by rounding alone."""
    bridge, ends = Bridge(I2sb(beta_max=0.3)), []
    for dtype in (torch.float32, torch.float64):
        rng = Symbols(2, 1000)
        x1 = rng.variable(1).to(dtype)
        denoise = lambda x_n, n: 0.9 * x_n + 0.05 * x1  # noqa: E731, B023 - called before the next turn
        states = walk(make(999), bridge, x1, rng, denoise)
        assert all(state.x.dtype == dtype for state in states)
        ends.append(states[-1].x.double())
    torch.testing.assert_close(ends[0], ends[1], atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sde(nfe=0), "nfe must be at least 1, got 0"),
        (lambda: Ode(nfe=0), "nfe must be at least 1, got 0"),
        (lambda: Dbim(nfe=0), "nfe must be at least 1, got 0"),
        (lambda: Dbim(nfe=5, eta=1.5), r"eta must be in \[0, 1\], got 1.5"),
        (lambda: Dbim(nfe=5, eta=-0.1), r"eta must be in \[0, 1\], got -0.1"),
        (lambda: Dbim(nfe=5, eta=float("nan")), r"eta must be in \[0, 1\], got nan"),
        (lambda: Dbim(nfe=5, order=4), "order must be 1, 2 or 3, got 4"),
        (lambda: Dbim(nfe=5, order=2, eta=0.5), "order 2 is for eta = 0, got eta = 0.5"),
        (lambda: DbmSolver(nfe=5, order=3), "order must be 1 or 2, got 3"),
        (lambda: Ode2(nfe=0), "nfe must be at least 1, got 0"),
        (lambda: DbmSolver(nfe=0), "nfe must be at least 1, got 0"),
    ],
)
def test_samplers_refuse_what_makes_no_walk(make, message):
    """An option out of its range is an error that names it."""
    with pytest.raises(Error, match=message):
        make()


@every_sampler
def test_more_evaluations_than_nodes_are_refused(make):
    """nfe = N does not fit, and no call of the network is wasted on finding out."""
    denoise = Counting()
    with pytest.raises(Error, match="between 1 and 19"):
        walk(make(20), Bridge(Brownian(std=0.5, steps=20)), images(1, 3, 4, 4), denoise=denoise)
    assert not denoise.asked
