"""Restoring through the library: noise that belongs to the content, states, known pixels."""

from dataclasses import dataclass

import pytest
import torch
from pictures import distance, observation
from working_weights import working_weights

import i2sbkit
from i2sbkit import Error, Observation
from i2sbkit.restoring import Restorer, Settings, content_seed

NAMES = ("lake-sherburne", "typewriter", "blue-periwinkle")


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


def test_a_batch_may_mix_pictures_with_holes_and_without(tmp_path):
    """Each becomes what it becomes alone: known pixels of one are not known of the other."""
    model = i2sbkit.load(working_weights(tmp_path / "w.safetensors", name="mixture"), "cpu")
    mask = torch.zeros(1, 32, 40)
    mask[..., 8:20, 8:20] = 1
    holed, whole = Observation(observation().image, mask), observation("typewriter")
    restorer = model.restorer(Settings(nfe=2))
    together = restorer.pictures([holed, whole, whole])
    for number, each in enumerate([holed, whole, whole]):
        assert distance(together[number], restorer.pictures([each])[0]) < 1e-5


def test_the_seed_and_the_sample_change_the_picture(model):
    """Another seed and another sample are other draws; the same ones are the same to the bit."""
    y = [observation()]
    draws = [
        model.restorer(Settings(nfe=2, seed=seed)).pictures(y, sample)
        for seed, sample in [(0, 0), (1, 0), (0, 1), (0, 0)]
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


def test_known_pixels_stay(model):
    """Where the mask is 0 the result has the observation's pixels, to the bit."""
    image = observation().image
    mask = torch.zeros(1, 32, 40)
    mask[:, 8:20, 10:30] = 1
    result = model.restorer(Settings(nfe=2)).pictures([Observation(image, mask)])[0]
    known = mask.expand(3, -1, -1) == 0
    assert torch.equal(result[known], image[known])
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
