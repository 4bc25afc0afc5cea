"""Restoring through the library: noise that belongs to the content, samplers that fit, known pixels."""

import warnings
from dataclasses import dataclass

import pytest
import torch
from working_weights import OT_ODE, SDE, photo, working_weights

import i2sbkit
from i2sbkit import Error, Observation
from i2sbkit.restoring import Restorer, Settings, content_seed
from i2sbkit_plugins.dbim import Dbim
from i2sbkit_plugins.ode import Ode
from i2sbkit_plugins.sde import Sde

NAMES = ("lake-sherburne", "typewriter", "blue-periwinkle")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Weights that see x1, as most are."""
    return i2sbkit.load(working_weights(tmp_path_factory.mktemp("w") / "x1.safetensors"), "cpu")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """SDE weights that do not see x1."""
    return i2sbkit.load(working_weights(tmp_path_factory.mktemp("w") / "plain.safetensors", *SDE), "cpu")


@pytest.fixture(scope="module")
def otode(tmp_path_factory):
    """Weights of an OT-ODE bridge."""
    return i2sbkit.load(working_weights(tmp_path_factory.mktemp("w") / "otode.safetensors", *OT_ODE), "cpu")


def observation(name="lake-sherburne", width=40, height=32):
    return Observation(i2sbkit.from_pil(photo(width, height, name)))


def distance(a, b):
    return float((a - b).abs().max())


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 5), (7, 300), (33, 17)])
def test_any_size(model, size):
    """A picture of any size comes back in its size."""
    result = model.restorer(Settings(nfe=2)).pictures([observation(width=size[0], height=size[1])])
    assert result.shape == (1, 3, size[1], size[0])
    assert result.isfinite().all()


@pytest.mark.parametrize("settings", [Settings(nfe=3), Settings(nfe=3, sampler="dbim", eta=0.5)])
def test_a_batch_equals_its_pictures_alone(model, settings):
    """What a picture becomes does not depend on what is restored beside it, nor on the order, to 1e-5."""
    restorer, observations = model.restorer(settings), [observation(name) for name in NAMES]
    together = restorer.pictures(observations)
    turned = restorer.pictures(observations[::-1]).flip(0)
    for number, each in enumerate(observations):
        alone = restorer.pictures([each])[0]
        assert distance(together[number], alone) < 1e-5
        assert distance(turned[number], alone) < 1e-5


def test_the_seed_and_the_sample_change_the_picture(model):
    """Another seed and another sample are other draws; the same ones are the same to the bit."""
    y = [observation()]
    draws = [
        model.restorer(Settings(nfe=2, seed=seed)).pictures(y, sample) for seed, sample in [(0, 0), (1, 0), (0, 1), (0, 0)]
    ]
    assert torch.equal(draws[0], draws[3])
    assert min(distance(draws[0], draws[1]), distance(draws[0], draws[2]), distance(draws[1], draws[2])) > 0.05


def test_the_ode_needs_no_seed(otode):
    """A deterministic sampler gives one picture whatever the seed."""
    first, second = (otode.restorer(Settings(nfe=3, seed=seed)).pictures([observation()]) for seed in (0, 1))
    assert torch.equal(first, second)


def test_the_content_seed_is_of_the_content():
    """Pixels, size, mask, seed and sample count; nothing else does."""
    y = observation()
    same = Observation(y.image.clone(), params={"quality": 3})
    assert content_seed(y, 0, 0) == content_seed(same, 0, 0)
    changed = y.image.clone()
    changed[0, 0, 0] += 2 / 255
    mask = torch.zeros(1, 32, 40)
    others = [
        content_seed(Observation(changed), 0, 0),
        content_seed(Observation(y.image.reshape(3, 40, 32)), 0, 0),
        content_seed(Observation(y.image, mask), 0, 0),
        content_seed(y, 1, 0),
        content_seed(y, 0, 1),
        content_seed(y, 0, 0),
    ]
    assert len(set(others)) == 6


def test_no_global_random_state_is_used(model):
    """Restoring neither reads nor moves torch's global generator."""
    restorer = model.restorer(Settings(nfe=2))
    torch.manual_seed(1)
    first, after = restorer.pictures([observation()]), torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    assert torch.equal(restorer.pictures([observation()]), first)


def test_the_walk_shows_every_state(model):
    """One state a step, from the first below x1 to node 0, which is the result; as many network calls as nfe."""
    calls = []
    hook = model.net.register_forward_hook(lambda *_: calls.append(1))
    states = list(model.restorer(Settings(nfe=4)).walk([observation()]))
    hook.remove()
    nodes = model.weights.recipe.parts.bridge.nodes(4)
    assert [state.n for state in states] == nodes[1:]
    assert len(calls) == 4
    assert torch.equal(states[-1].x, model.restorer(Settings(nfe=4)).pictures([observation()]))


def test_the_caller_is_not_left_in_inference_mode(model):
    """Between two states of a walk autograd works as it did."""
    walk = model.restorer(Settings(nfe=2)).walk([observation()])
    next(walk)
    assert not torch.is_inference_mode_enabled()
    assert torch.ones(1, requires_grad=True).exp().requires_grad


def test_the_result_can_be_worked_on(model):
    """What comes out can be changed in place and take part in autograd."""
    result = model.restorer(Settings(nfe=1)).pictures([observation()])
    result.clamp_(-1, 1)
    result.requires_grad_().sum().backward()


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


def test_own_sampler_with_nfe_1(model):
    """One step with eta = 1 is a single denoise of the observation."""
    y = observation()
    state = next(iter(model.restorer(Settings(nfe=1)).walk([y])))
    assert distance(state.x, state.x0h) < 1e-3  # posterior at node 0 keeps a trace of x_n on the authors' tables


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sampler": "sed"}, "did you mean 'sde'"),
        ({"sampler": "nonsense"}, "there are: dbim, ode, sde"),
        ({"eta": 0.5}, "no option 'eta'"),
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
    """More evaluations than the schedule has steps are refused."""
    with pytest.raises(Error, match="nfe must be between 1 and 99"):
        model.restorer(Settings(nfe=100)).pictures([observation()])


@pytest.mark.parametrize(
    ("settings", "says"), [({"tile": -1}, "tile must be at least 0"), ({"precision": "fp8"}, "one of fp32, bf16, fp16")]
)
def test_a_bad_evaluation_says_so(model, settings, says):
    """Tile and precision are checked before anything is computed."""
    with pytest.raises(Error, match=says):
        model.restorer(Settings(**settings)).pictures([observation()])


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_changes_rounding_only(model, precision):
    """The picture is that of fp32, nearly."""
    exact, half = (model.restorer(Settings(nfe=2, precision=p)).pictures([observation()]) for p in ("fp32", precision))
    assert half.dtype == torch.float32
    assert 0 < (exact - half).abs().mean() < 0.01


@pytest.mark.parametrize("sampler", ["sde", "dbim"])
def test_a_stochastic_sampler_does_not_fit_otode_weights(otode, sampler):
    """Such weights never saw noise: an Error that names what fits."""
    with pytest.raises(Error, match="--sampler ode"):
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
    ],
)
def test_a_bad_fit_is_warned_of_once(plain, settings, says):
    """`ode` on SDE weights, and eta < 1 on weights that do not see x1: one warning, and on it goes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plain.restorer(Settings(**settings)).pictures([observation(), observation("typewriter")])
    assert [says in str(warning.message) for warning in caught] == [True]
    assert "plain.safetensors" in str(caught[0].message)


@pytest.mark.parametrize(("which", "settings"), [
    ("plain", {"sampler": "sde"}), ("plain", {"sampler": "dbim", "eta": 1.0}),
    ("model", {"sampler": "dbim", "eta": 0.0}), ("otode", {"sampler": "ode"}), ("otode", {"sampler": Ode(nfe=3)}),
])  # fmt: skip
def test_a_good_fit_is_silent(which, settings, request):
    """What fits is not warned of (warnings are errors here)."""
    request.getfixturevalue(which).restorer(Settings(**settings))


def test_known_pixels_stay(model):
    """Where the mask is 0 the last clean estimate, and so the result, has the observation's pixels."""
    image = observation().image
    mask = torch.zeros(1, 32, 40)
    mask[:, 8:20, 10:30] = 1
    result = model.restorer(Settings(nfe=2)).pictures([Observation(image, mask)])[0]
    known = mask.expand(3, -1, -1) == 0
    assert (result - image)[known].abs().max() < 1e-3 + 0.02  # node 0 keeps a trace of x_n on the authors' tables
    assert (result - image)[~known].abs().max() > 0.05


@dataclass(frozen=True)
class Noisy(i2sbkit.Corruption):
    """A corruption whose lift draws noise."""

    def corrupt(self, x0, rng):
        return Observation(x0)

    def lift(self, y, rng):
        return y.image + 0.1 * torch.randn(y.image.shape, generator=rng)


def test_the_noise_of_lift_belongs_to_the_content(model):
    """A lift that draws is also independent of the batch, and follows seed and sample."""
    from dataclasses import replace

    recipe = model.weights.recipe
    weights = replace(model.weights, recipe=replace(recipe, parts=replace(recipe.parts, corruption=Noisy())))

    def restorer(seed=0):
        return Restorer.of(weights, model.net, torch.device("cpu"), Settings(nfe=1, seed=seed))

    together = restorer().pictures([observation(name) for name in NAMES])
    for number, name in enumerate(NAMES):
        assert distance(restorer().pictures([observation(name)])[0], together[number]) < 1e-5
    assert distance(restorer(seed=1).pictures([observation()]), together[:1]) > 0.05
    assert distance(restorer().pictures([observation()], sample=1), together[:1]) > 0.05
