"""One training step: gradients, rates, clipping, precision, masks, and what an optimiser must bear."""

import math
import statistics

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import TINY, with_plugin

from i2sbkit.checkpoint import read_tensors
from i2sbkit.data import Batch, TrainingSet, training_batches
from i2sbkit.document.schema import TrainSection
from i2sbkit.kernel.algorithms import training_loss
from i2sbkit.kernel.rng import Rng, derive_seed
from i2sbkit.recipe import load_recipe
from i2sbkit.sources.shards import open_index
from i2sbkit.training.trainer import FUSED, SLIGHTEST, Trainer, learning_rate, relative_weight

CPU = torch.device("cpu")


def make(recipe, *overrides, weights=None):
    """A trainer of a recipe file, its network drawn (a fresh one is the zero function)."""
    trainer = Trainer(load_recipe(recipe, overrides), CPU)
    if weights:
        trainer.net.load_state_dict(read_tensors(weights))
    return trainer


def batch_of(count, mask=None):
    """Random pairs that stay the same."""
    generator = torch.Generator().manual_seed(1)
    x0, x1 = (torch.rand(count, 3, 16, 16, generator=generator) * 2 - 1 for _ in range(2))
    return Batch(x0, x1, mask, tuple(range(100, 100 + count)))


def gradient(trainer, batch):
    """The gradient that a step hands to the optimiser, and what the step returns."""
    found = []

    def note(optimizer, *_):
        found.extend(p.grad.clone().flatten() for group in optimizer.param_groups for p in group["params"])

    trainer.optimizer.register_step_pre_hook(note)
    loss, norm = trainer.train_step(batch)
    return torch.cat(found), loss, norm


def test_the_loss_falls(tmp_path):
    """A tiny network on one picture: the loss of the last steps is less than an eighth of the first ones'."""
    rows, columns = np.mgrid[0:16, 0:16]
    picture = np.stack([15 * columns, 15 * rows, np.full_like(rows, 120)], 2).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "only.png")
    overrides = [f"data.train={tmp_path}", "data.flip=false", "backbone.width=12", "train.lr=2e-2", "train.clip=1.0"]
    (tmp_path / "r.toml").write_text(TINY)
    trainer = make(tmp_path / "r.toml", *overrides, "train.schedule=cosine", "train.iterations=300")
    data = TrainingSet.of(trainer.recipe, open_index([tmp_path]))
    batches = training_batches(data, 0, 4)
    losses = [float(trainer.train_step(next(batches))[0]) for _ in range(300)]
    assert statistics.mean(losses[-20:]) < statistics.mean(losses[:20]) / 8


@pytest.mark.parametrize("microbatch", [1, 2, 3])
def test_microbatches_add_up_to_the_whole_batch(microbatch, tiny_recipe, tiny_weights):
    """Loss and gradient are the whole batch's to 1e-6, also where the last microbatch is smaller."""
    whole, loss, _ = gradient(make(tiny_recipe, weights=tiny_weights), batch_of(4))
    split = make(tiny_recipe, f"train.microbatch={microbatch}", weights=tiny_weights)
    parts, same_loss, _ = gradient(split, batch_of(4))
    assert whole.norm() > 0.01
    assert (parts - whole).norm() / whole.norm() < 1e-6
    assert float(same_loss) == pytest.approx(float(loss), rel=1e-6)


def test_the_noise_belongs_to_the_sample(tiny_recipe, tiny_weights):
    """Node and noise follow from (seed, counter): the loss is that of Algorithm 1 with these streams."""
    trainer, batch = make(tiny_recipe, "train.seed=5", weights=tiny_weights), batch_of(4)
    rng = Rng(derive_seed(5, "noise", counter) for counter in batch.counters)
    bridge = trainer.recipe.parts.bridge
    with torch.no_grad():
        expected = training_loss(trainer.net, bridge, batch.x0, batch.x1, rng, cond_x1=True)
    assert float(trainer.train_step(batch)[0]) == pytest.approx(float(expected), rel=1e-6)


def test_relative_losses_count_what_is_left_of_the_damage(tiny_recipe, tiny_weights):
    """The loss of each picture is divided by its mean square of lifted - x0."""
    trainer = make(tiny_recipe, "train.relative=true", weights=tiny_weights)
    batch = batch_of(2)
    by_hand = relative_weight(batch.x0, batch.x1)
    assert by_hand.tolist() == pytest.approx([1 / (float(d) + SLIGHTEST) for d in damage(batch)])
    plain = make(tiny_recipe, weights=tiny_weights)
    losses = [float(plain._loss(part).detach()) for part in batch.split(1)]
    assert float(trainer._loss(batch).detach()) == pytest.approx(float(by_hand @ torch.tensor(losses)) / 2, rel=1e-5)


def damage(batch):
    return (batch.x1 - batch.x0).square().mean(dim=(1, 2, 3))


def options(**given):
    return TrainSection.model_validate_json(
        TrainSection(iterations=100, batch=1, lr=1e-3).model_copy(update=given).model_dump_json()
    )


@pytest.mark.parametrize(
    ("given", "rates"),
    [
        ({"lr_step": 10, "lr_gamma": 0.5}, {0: 1e-3, 9: 1e-3, 10: 5e-4, 19: 5e-4, 20: 2.5e-4, 99: 1e-3 / 512}),
        ({"warmup": 4}, {0: 2.5e-4, 1: 5e-4, 2: 7.5e-4, 3: 1e-3, 4: 1e-3, 99: 1e-3}),
        ({"schedule": "cosine"}, {0: 1e-3, 25: 8.5648232e-4, 50: 5.1e-4, 75: 1.6351768e-4, 100: 2e-5, 500: 2e-5}),
        ({"schedule": "cosine", "warmup": 50}, {0: 2e-5, 25: 0.52 * 8.5648232e-4, 50: 5.1e-4}),
    ],
)
def test_learning_rates(given, rates):
    """By hand: steps, a linear warm-up, half a cosine from lr to 2 % of it, and both together."""
    assert {step: learning_rate(options(**given), step) for step in rates} == pytest.approx(rates, rel=1e-5)


def test_the_optimiser_uses_the_rate_of_the_step(tiny_recipe):
    """A step at number n is made with learning_rate(n), also after going on at another number."""
    trainer = make(tiny_recipe, "train.warmup=10")
    for step in (0, 1, 7):
        trainer.step = step
        trainer.train_step(batch_of(1))
        assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * (step + 1) / 10)


def test_adamw_gets_its_options(tiny_recipe):
    """Betas and weight decay reach the optimiser: with a gradient of zero only the decay is left."""
    trainer = make(tiny_recipe, "train.betas=[0.5, 0.6]", "train.weight_decay=0.1", "train.lr=0.01")
    assert trainer.optimizer.param_groups[0]["betas"] == (0.5, 0.6)
    before = trainer.net.intro.weight.detach().clone()
    trainer.train_step(batch_of(2))  # the fresh network ends in zeros, so nothing before its last layer has a gradient
    assert torch.allclose(trainer.net.intro.weight, before * (1 - 0.01 * 0.1), rtol=1e-6, atol=0)


def test_clipping(tiny_recipe, tiny_weights):
    """The gradient's norm is brought down to train.clip; the norm that is reported is the one before."""
    free, _, norm = gradient(make(tiny_recipe, weights=tiny_weights), batch_of(4))
    assert float(norm) == pytest.approx(float(free.norm()), rel=1e-5)
    clipped, _, same_norm = gradient(make(tiny_recipe, f"train.clip={norm / 3}", weights=tiny_weights), batch_of(4))
    assert float(same_norm) == pytest.approx(float(norm), rel=1e-5)
    assert torch.allclose(clipped, free / 3, rtol=1e-4, atol=1e-8)
    untouched, _, _ = gradient(make(tiny_recipe, f"train.clip={norm * 2}", weights=tiny_weights), batch_of(4))
    assert torch.equal(untouched, free)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision(precision, tiny_recipe, tiny_weights):
    """Under autocast the loss is float32's to the precision's rounding, and the parameters stay float32."""
    full, loss, _ = gradient(make(tiny_recipe, weights=tiny_weights), batch_of(4))
    trainer = make(tiny_recipe, f"train.precision={precision}", weights=tiny_weights)
    half, rounded, _ = gradient(trainer, batch_of(4))
    assert float(rounded) == pytest.approx(float(loss), rel=0.02)
    assert float(rounded) != float(loss)
    assert 0 < (half - full).norm() / full.norm() < 0.1
    assert {parameter.dtype for parameter in trainer.net.parameters()} == {torch.float32}
    assert trainer.scaler.is_enabled() == (precision == "fp16")


def test_masked_batches(tiny_recipe, tiny_weights):
    """The loss is counted where the mask is 1, averaged over all pixels; microbatches take their share of the mask."""
    left = torch.zeros(4, 1, 16, 16)
    left[..., :8] = 1
    losses = {}
    for name, mask in {"none": None, "all": torch.ones_like(left), "left": left, "right": 1 - left}.items():
        for micro in (4, 3):
            trainer = make(tiny_recipe, f"train.microbatch={micro}", weights=tiny_weights)
            losses[name, micro] = float(trainer.train_step(batch_of(4, mask))[0])
        assert losses[name, 3] == pytest.approx(losses[name, 4], rel=1e-6)
    assert losses["all", 4] == losses["none", 4]
    assert losses["left", 4] + losses["right", 4] == pytest.approx(losses["all", 4], rel=1e-5)
    assert losses["left", 4] != losses["right", 4]


@pytest.mark.parametrize(("cond_x1", "channels"), [("true", 6), ("false", 3)])
def test_conditioning_on_x1(cond_x1, channels, tiny_recipe):
    """With and without: the network's input tells which, and a step changes the network."""
    trainer = make(tiny_recipe, f"bridge.cond_x1={cond_x1}")
    assert trainer.net.intro.in_channels == channels
    before = trainer.net.ending.weight.detach().clone()
    loss, norm = trainer.train_step(batch_of(2))
    assert math.isfinite(loss) and math.isfinite(norm)
    assert not torch.equal(trainer.net.ending.weight, before)


def test_compile_is_off_unless_asked_for(tiny_recipe):
    """The network itself is called."""
    trainer = make(tiny_recipe)
    assert trainer.recipe.train.compile is False
    assert trainer.forward is trainer.net


def test_one_kernel_or_many_is_the_same_to_rounding(tiny_recipe, tiny_weights, monkeypatch):
    """Where a device has no fused AdamW the plain one is taken, and trains the same."""
    fused = make(tiny_recipe, weights=tiny_weights)
    assert "cpu" in FUSED and fused.optimizer.defaults["fused"] is True
    monkeypatch.setattr("i2sbkit.training.trainer.FUSED", ())
    plain = make(tiny_recipe, weights=tiny_weights)
    assert plain.optimizer.defaults["fused"] is False
    for _ in range(3):
        fused.train_step(batch_of(4))
        plain.train_step(batch_of(4))
    for one, other in zip(fused.net.parameters(), plain.net.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-7)


STRANGER = """
import i2sbkit, torch
from torch import nn
class Net(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.mix = nn.Conv2d(inside, outside, 3, padding=1)
        self.table = nn.Parameter(torch.arange(4), requires_grad=False)
        self.register_buffer("counted", torch.tensor(0))
    def forward(self, x, t):
        self.counted += 1
        return self.mix(x)
class Backbone(i2sbkit.Backbone):
    def build(self, in_channels, out_channels):
        return Net(in_channels, out_channels)
@i2sbkit.hookimpl
def backbones():
    return {"frozen": Backbone}
"""


def test_frozen_and_whole_numbers(tiny_recipe):
    """A network may hold parameters that are not trained, whole numbers even, and buffers: all are in its weights."""
    start, _, rest = TINY.partition("[backbone]")
    tiny_recipe.write_text(f'{start}[backbone]\nname = "frozen"\n\n{rest[rest.index("[sampler]") :]}')
    trainer = Trainer(load_recipe(tiny_recipe, registry=with_plugin(STRANGER)), CPU)
    before = trainer.net.mix.weight.detach().clone()
    for _ in range(2):
        trainer.train_step(batch_of(2))
    weights = trainer.weights()
    assert set(weights) == {"mix.weight", "mix.bias", "table", "counted"}
    assert (weights["table"].tolist(), int(weights["counted"])) == ([0, 1, 2, 3], 2)
    assert not torch.equal(trainer.net.mix.weight, before)
    assert torch.equal(weights["mix.weight"], trainer.ema.shadow["mix.weight"])
