"""The schedules vp, ve, resshift, flow and diffusion: their equations, and every sampler on each of them."""

import math
from itertools import pairwise

import pytest
import torch
from exact import Symbols, after, close, images, moments
from test_gaussian import GAIN, OFFSET, VARIANCE, knows_x1
from tiny_training import TINY, go

from i2sbkit import Bridge, Error, Rng, registry
from i2sbkit.recipe import load_recipe
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.dbmsolver import DbmSolver
from i2sbkit_plugins.diffusion import Diffusion
from i2sbkit_plugins.flow import Flow
from i2sbkit_plugins.ode import Ode
from i2sbkit_plugins.ode2 import Ode2
from i2sbkit_plugins.resshift import ResShift
from i2sbkit_plugins.sde import Sde
from i2sbkit_plugins.ve import Ve
from i2sbkit_plugins.vp import Vp

SCHEDULES = [Vp(), Ve(), ResShift(), Flow(), Diffusion(), Diffusion(target="velocity")]
NOISY = [Vp(), Ve(), ResShift(kappa=0.5), Diffusion()]
SAMPLERS = [
    lambda nfe: Sde(nfe=nfe),
    lambda nfe: Ode(nfe=nfe),
    lambda nfe: Ode2(nfe=nfe),
    *(lambda nfe, e=e: Dbim(nfe=nfe, eta=e) for e in (0.0, 0.5, 1.0)),
    lambda nfe: Dbim(nfe=nfe, eta=0.0, order=2),
    lambda nfe: Dbim(nfe=nfe, eta=0.0, order=3),
    lambda nfe: DbmSolver(nfe=nfe),
]
NAMES = ["sde", "ode", "ode2", "dbim-0", "dbim-0.5", "dbim-1", "dbim2", "dbim3", "dbmsolver"]
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__.lower())
every_sampler = pytest.mark.parametrize("make", SAMPLERS, ids=NAMES)


@every_schedule
def test_its_numbers_are_finite_and_its_ends_are_where_they_belong(schedule):
    """Node 0 is x0, and the last has nothing of it left but what the page of the schedule says."""
    t = schedule.curves
    for table in (t.mean_x0, t.mean_x1, t.std, t.label_std, t.time):
        assert bool(torch.isfinite(table).all())
    close((float(t.mean_x0[0]), float(t.mean_x1[0]), float(t.std[0])), (1, 0, 0))
    assert float(t.mean_x0[-1]) < 0.011


@every_schedule
def test_predict_x0_inverts_the_label_at_every_trained_node(schedule):
    """To rounding that the schedule's own scale allows."""
    bridge = Bridge(schedule)
    x0, x1 = images(2, 3, 4, 4), images(2, 3, 4, 4, seed=1)
    for n in bridge.trained_nodes[:: max(len(schedule.curves.std) // 40, 1)].tolist():
        x_n = bridge.marginal(x0, x1, n, Rng([1, 2]))
        found = bridge.predict_x0(x_n, bridge.label(x0, x_n, n), n)
        assert float((found - x0).abs().max()) < 1e-9


@pytest.mark.parametrize("schedule", NOISY, ids=lambda s: type(s).__name__.lower())
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_every_eta_keeps_the_marginal(schedule, eta):
    """A step from node n with the law of n has the law of m, whatever share of noise is fresh."""
    bridge, last = Bridge(schedule), len(schedule.curves.std) - 1
    for n, m in ((j, i) for j in range(1, last, max(last // 23, 1)) for i in range(1, j, max(last // 19, 1))):
        steps = [bridge.generic(n, m, eta)] + [bridge.posterior(n, m)] * (eta == 1.0)
        for step in steps:
            close(after(step, *moments(bridge, n)), moments(bridge, m), 1e-9)


@pytest.mark.parametrize("schedule", [Vp(correlation=0.3, std=0.7), Ve(std=0.2, correlation=0.0)], ids=["vp", "ve"])
def test_ddbm_gives_input_and_label_the_variance_1(schedule):
    """c_in, c_skip and c_out at every node, for pixels of the deviation and correlation that it was told."""
    bridge, s2 = Bridge(schedule), schedule.std**2
    covariance = torch.tensor([[s2, schedule.correlation * s2, 0], [schedule.correlation * s2, s2, 0], [0, 0, 1]])
    for n in range(1, 1000, 37):
        a, b, variance = moments(bridge, n)
        x_n = torch.tensor([a, b, math.sqrt(variance)])
        x0 = torch.tensor([1.0, 0.0, 0.0])
        label = bridge.label(x0.double().reshape(1, 3, 1, 1), x_n.double().reshape(1, 3, 1, 1), n).flatten().float()
        close(float(label @ covariance @ label), 1.0, 2e-3)
        close(float(x_n @ covariance @ x_n) * float(bridge.input_scale(n)) ** 2, 1.0, 1e-4)


@every_schedule
@every_sampler
@pytest.mark.parametrize("nfe", [1, 2, 5, 10])
def test_every_sampler_ends_with_the_right_mean(schedule, make, nfe):
    """However few the evaluations of the exact denoiser, nothing is biased."""
    sampler, rng = make(nfe), Symbols(2, nfe + 1)
    one, x1 = rng.variable(0), rng.variable(1)
    bridge = Bridge(schedule)
    limit = Bridge(schedule, ot_ode=True) if type(sampler) in (Ode, Ode2) and not bridge.from_noise else bridge
    if limit is not bridge and isinstance(schedule, ResShift):
        pytest.skip("its limit C = 0 begins at x1, not at 0.99 x1 + 0.01 x0, which the exact denoiser takes for news")
    *_, last = sampler.sample(knows_x1(limit, one, x1), bridge, x1, rng)
    close(rng.split(last.x)[0], [OFFSET, GAIN], 2e-2 if isinstance(schedule, Diffusion | ResShift) else 1e-9)


@pytest.mark.parametrize("schedule", [Vp(steps=400), ResShift(kappa=0.5, steps=400), Diffusion(steps=400)], ids=type)
@pytest.mark.parametrize("make", SAMPLERS[:1] + SAMPLERS[3:6], ids=["sde", "dbim-0", "dbim-0.5", "dbim-1"])
def test_every_sampler_ends_in_the_law_of_x0_given_x1(schedule, make):
    """At many evaluations the variance of what comes out is that of x0 given x1."""
    rng = Symbols(2, 401)
    one, x1 = rng.variable(0), rng.variable(1)
    bridge = Bridge(schedule)
    *_, last = make(399).sample(knows_x1(bridge, one, x1), bridge, x1, rng)
    assert rng.split(last.x)[1] == pytest.approx(VARIANCE, rel=0.06)


@every_schedule
@pytest.mark.parametrize("spacing", ["uniform", "karras", "logsnr"])
def test_the_spacing_of_nodes_is_one_option_of_all_samplers(schedule, spacing):
    """Every sampler that ships walks over the nodes of `Bridge.nodes`, and thinks of none itself."""
    bridge, x1 = Bridge(schedule), images(1, 3, 4, 4)
    walks = [bridge.nodes(nfe, spacing)[1:] for nfe in range(1, 7)]
    for name in registry.default().names("sampler"):
        sampler = registry.build("sampler", name, nfe=6, spacing=spacing)
        visited = [state.n for state in sampler.sample(denoise, bridge, x1, Rng([0]))]
        assert visited in (walks[2:4] if name == "dbmsolver" else walks[5:])


def denoise(x_n, n):
    """A denoiser that no step is exact for."""
    return 0.5 * x_n - 0.25 * x_n * x_n + 1e-3 * n


def test_ode_on_a_flow_is_eulers_method():
    """x <- x - (t_n - t_m) v with v = (x - x0h) / t_n (Liu et al. 2023)."""
    bridge, x1 = Bridge(Flow(steps=101)), images(1, 3, 4, 4)
    x = x1
    for n, m in pairwise(bridge.nodes(7)):
        x = x - (n - m) / 100 * (x - denoise(x, n)) / (n / 100)
    *_, last = Ode(nfe=7).sample(denoise, bridge, x1, Rng([0]))
    assert float((last.x - x).abs().max()) < 1e-12


def test_ode_on_diffusion_is_ddim():
    """x_m = A_m x0h + C_m (x_n - A_n x0h) / C_n (Song et al. 2021, Eq. 12 with sigma = 0)."""
    bridge, x1 = Bridge(Diffusion(steps=101)), images(1, 3, 4, 4)
    t = bridge.tables
    x = bridge.start(x1, Rng([5]))
    for n, m in pairwise(bridge.nodes(7)):
        x0h = denoise(x, n)
        x = t.mean_x0[m] * x0h + t.std[m] * (x - t.mean_x0[n] * x0h) / t.std[n]
    *_, last = Ode(nfe=7).sample(denoise, bridge, x1, Rng([5]))
    assert float((last.x - x).abs().max()) < 1e-12
    *_, dbim = Dbim(nfe=7, eta=0.0).sample(denoise, bridge, x1, Rng([5]))
    assert float((dbim.x - x).abs().max()) < 1e-12


def test_sde_on_diffusion_is_ddpm():
    """Between neighbours: beta = 1 - A_n^2 / A_m^2, variance (1 - A_m^2) / (1 - A_n^2) beta (Ho et al. 2020, Eq. 7)."""
    bridge = Bridge(Diffusion(steps=50))
    a2 = (bridge.tables.mean_x0**2).tolist()
    for n in range(2, 50):
        beta = 1 - a2[n] / a2[n - 1]
        step = bridge.posterior(n, n - 1)
        of_x0 = a2[n - 1] ** 0.5 * beta / (1 - a2[n])
        of_x_n = (1 - beta) ** 0.5 * (1 - a2[n - 1]) / (1 - a2[n])
        variance = (1 - a2[n - 1]) / (1 - a2[n]) * beta
        close((step.x0, step.xn, step.x1, step.std**2), (of_x0, of_x_n, 0, variance), 1e-9)


def test_velocity_and_noise_are_two_ways_to_say_x0():
    """v = A z - C x0 (Salimans & Ho 2022)."""
    noise, velocity, x0 = Bridge(Diffusion()), Bridge(Diffusion(target="velocity")), images(1, 3, 4, 4)
    x_n = noise.marginal(x0, x0, 500, Rng([1]))
    a, c = float(noise.tables.mean_x0[500]), float(noise.tables.std[500])
    z = noise.label(x0, x_n, 500)
    assert float((velocity.label(x0, x_n, 500) - (a * z - c * x0)).abs().max()) < 1e-12


def test_resshift_starts_from_a_noisy_copy():
    """x1 + kappa sqrt(0.99) z, not x1."""
    bridge, x1 = Bridge(ResShift(kappa=0.5)), images(1, 3, 64, 64)
    noise = bridge.start(x1, Rng([3])) - x1
    assert float(noise.std()) == pytest.approx(0.5 * 0.99**0.5, rel=0.03)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Vp(std=0), "std must be > 0"),
        (lambda: Vp(correlation=1.0), r"correlation must be in \[0, 1\)"),
        (lambda: Vp(beta_min=0), "beta_min must be > 0"),
        (lambda: Ve(t_min=90.0), "t_min must be > 0 and below t_max"),
        (lambda: Ve(steps=2), "steps must be at least 3"),
        (lambda: ResShift(kappa=0), "kappa must be > 0"),
        (lambda: ResShift(power=0), "power must be > 0"),
        (lambda: Flow(steps=1), "steps must be at least 2"),
        (lambda: Diffusion(beta_min=3, beta_max=2), "beta_max at least that"),
        (lambda: Diffusion(target="x0"), "target must be noise or velocity"),
    ],
)
def test_options_out_of_range_are_refused(make, says):
    """In one line that names the option."""
    with pytest.raises(Error, match=says):
        make()


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("bridge.cond_x1=false", "the network must see the picture: set bridge.cond_x1=true"),
        ("bridge.ot_ode=true", "leave out bridge.ot_ode"),
        ("bridge.add_x1_noise=true", "leave out bridge.add_x1_noise"),
        ("schedule.unconditional=true", "shows the network no picture: set bridge.cond_x1=false"),
    ],
)
def test_diffusion_must_see_the_picture(override, says, tmp_path):
    """Refused as the recipe is read."""
    with pytest.raises(Error, match=says):
        load_recipe(recipe_of("diffusion", tmp_path), [override])


def recipe_of(name, folder):
    """The tiny recipe with a schedule in the place of i2sb."""
    path = folder / "recipe.toml"
    path.write_text(TINY.replace('name = "i2sb"\nbeta_max = 0.3', f'name = "{name}"'), "utf-8")
    return path


@pytest.mark.parametrize("name", ["vp", "ve", "resshift", "flow", "diffusion"])
def test_it_trains_and_restores(name, tmp_path):
    """Twenty steps on real photographs; validation restores with what was trained."""
    sampler = "ode" if name == "flow" else "sde"
    found = go(recipe_of(name, tmp_path), tmp_path / "run", f"sampler.name={sampler}", "train.lr=1e-3")
    assert found["step"] == 20
    assert math.isfinite(found["psnr_nfe2"])
