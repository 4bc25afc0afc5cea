"""Which sampler restores: the weights' own or another, and whether it fits them."""

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pictures import distance, observation

from i2sbkit import Error, load_recipe, shipped
from i2sbkit.restoring import Settings, check_fit
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.dbmsolver import DbmSolver
from i2sbkit_plugins.ode import Ode
from i2sbkit_plugins.sde import Sde

NAMES = ("lake-sherburne", "typewriter", "blue-periwinkle")


def chosen(model, **settings):
    return model.restorer(Settings(**settings)).sampler


def test_none_takes_the_weights_own(model):
    """The default is the sampler of the weights' recipe; each setting replaces just itself."""
    assert chosen(model) == Sde(nfe=2)
    assert chosen(model, nfe=7) == Sde(nfe=7)
    assert chosen(model, sampler="dbim", eta=0.3) == Dbim(nfe=2, eta=0.3)
    assert chosen(model, sampler="dbim", nfe=5, eta=1.0) == Dbim(nfe=5, eta=1.0)
    assert chosen(model, sampler=Dbim(nfe=4, eta=0.2)) == Dbim(nfe=4, eta=0.2)
    assert chosen(model, sampler=Dbim(nfe=4, eta=0.2), nfe=6, eta=0.4) == Dbim(nfe=6, eta=0.4)
    assert chosen(model, sampler="dbim:order=3,spacing=karras", nfe=6) == Dbim(nfe=6, order=3, spacing="karras")
    assert chosen(model, sampler="sde:nfe=5") == Sde(nfe=5)
    assert chosen(model, sampler="dbim", nfe=np.int64(4), eta=np.float32(0.5)) == Dbim(nfe=4, eta=0.5)


def test_own_sampler_with_nfe_1(model):
    """One step with eta = 1 is a single denoise of the observation."""
    y = observation()
    state = next(iter(model.restorer(Settings(nfe=1)).walk([y])))
    r = model.weights.recipe.parts.bridge.posterior(99, 0).xn  # on the authors' tables a trace of x_n is kept
    assert distance(state.x, (1 - r) * state.x0h + r * y.image) < 1e-6


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sampler": "sed"}, "did you mean 'sde'"),
        ({"sampler": "nonsense"}, "there are: dbim, dbmsolver, i3sb, ode, ode2, sde"),
        ({"eta": 0.5}, "sampler 'sde': sampler.eta: unknown key"),
        ({"sampler": "dbim:order=two"}, "order"),
        ({"sampler": "dbim:order=2.5"}, "order: must be 1, 2 or 3"),
        ({"sampler": "dbim:spacing=nope"}, "spacing"),
        ({"sampler": "ode:nfe=1.5"}, "nfe: must be an integer"),
        ({"sampler": "sde:nfe=true"}, "nfe: must be an integer"),
        ({"sampler": "dbim:eta=x"}, "eta: must be a number"),
        ({"sampler": "dbim:name=sde"}, "name is given twice"),
        ({"sampler": "dbim:order=2,order=3"}, "order is given twice"),
        ({"sampler": "dbim", "eta": 2.0}, r"eta must be in \[0, 1\]"),
        ({"nfe": 0}, "nfe must be at least 1"),
        ({"sampler": Sde(nfe=2), "eta": 0.5}, "does not take eta"),
    ],
)
def test_a_sampler_that_cannot_be_made_says_why(model, settings, says):
    """An unknown sampler suggests; an option that it lacks or refuses is named."""
    with pytest.raises(Error, match=says):
        model.restorer(Settings(**settings))


def test_nfe_beyond_the_schedule(model):
    """More evaluations than the schedule has steps are refused, before any picture is read."""
    with pytest.raises(Error, match="nfe must be between 1 and 99"):
        model.restorer(Settings(nfe=100))


@pytest.mark.parametrize("sampler", ["sde", "dbim"])
def test_a_stochastic_sampler_does_not_fit_otode_weights(otode, sampler):
    """Such weights never saw noise: an Error that names what fits."""
    with pytest.raises(Error, match="take the sampler ode, or force this one"):
        otode.restorer(Settings(sampler=sampler))


def test_force_goes_on_and_draws_noise(otode):
    """With --force the stochastic sampler runs as it would on SDE weights: two seeds, two pictures."""
    forced = [Settings(nfe=3, sampler="sde", force=True, seed=seed) for seed in (0, 1)]
    first, second = (otode.restorer(settings).pictures([observation()]) for settings in forced)
    assert distance(first, second) > 0.05


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sampler": "ode"}, "trained as SDE"),
        ({"sampler": "dbim"}, "does not see x1"),
        ({"sampler": Dbim(nfe=2, eta=0.5)}, "does not see x1"),
        ({"sampler": "dbmsolver"}, "does not see x1"),
    ],
)
def test_a_bad_fit_is_warned_of_once(plain, settings, says):
    """`ode` on SDE weights, and eta < 1 on weights that do not see x1: one warning, and on it goes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plain.restorer(Settings(**settings)).pictures([observation(), observation("typewriter")])
    assert [says in str(warning.message) for warning in caught] == [True]
    assert "plain.safetensors" in str(caught[0].message)


@pytest.mark.parametrize("name", shipped.recipes())
def test_the_sampler_of_a_recipe_fits_it(name):
    """No recipe that comes with i2sbkit is refused or warned of for its own sampler."""
    recipe = load_recipe(name)
    weights = SimpleNamespace(path=Path(f"{name}.safetensors"), recipe=recipe)
    assert check_fit(weights, recipe.parts.sampler, force=False) is None


def test_a_bridge_without_noise_refuses_noise():
    """Whether `ot_ode` or the schedule says so: `flow` takes the deterministic samplers."""
    weights = SimpleNamespace(path=Path("flow.safetensors"), recipe=load_recipe("flow"))
    assert check_fit(weights, Ode(nfe=2), force=False) is None
    for sampler in (Sde(nfe=2), Dbim(nfe=2), DbmSolver(nfe=2)):
        with pytest.raises(Error, match="trained without noise"):
            check_fit(weights, sampler, force=False)


@pytest.mark.parametrize(("which", "settings"), [
    ("plain", {"sampler": "sde"}), ("plain", {"sampler": "dbim", "eta": 1.0}),
    ("model", {"sampler": "dbim", "eta": 0.0}), ("otode", {"sampler": "ode"}), ("otode", {"sampler": Ode(nfe=3)}),
])  # fmt: skip
def test_a_good_fit_is_silent(which, settings, request):
    """What fits is not warned of (warnings are errors here)."""
    request.getfixturevalue(which).restorer(Settings(**settings))
