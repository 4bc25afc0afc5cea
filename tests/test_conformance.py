"""The built-in parts keep what they promise, through the call that any plugin's author has."""

import re

import pytest
import torch

from i2sbkit import Observation, registry
from i2sbkit.testing import check_backbone, check_corruption, check_sampler, check_schedule, convergence, promises
from i2sbkit.testing.backbone import ALONE, SHAPES, TRAINED, asks_of_a_device, says_what_it_needs
from i2sbkit.testing.corruption import LIFTED, SIMULATED, has_a_scale
from i2sbkit.testing.operators import OPERATOR
from i2sbkit.testing.reach import REACH
from i2sbkit.testing.sampler import DRAWS, WALK, says_what_it_is
from i2sbkit.testing.schedule import CURVES, ENDS, NETWORK, STEPS
from i2sbkit.testing.values import VALUE

PAGE = {
    "Parts of every kind": VALUE,
    "Corruptions": (has_a_scale, *SIMULATED, *LIFTED, *OPERATOR),
    "Schedules": (*CURVES, *STEPS, *NETWORK, *ENDS),
    "Backbones": (says_what_it_needs, asks_of_a_device, *SHAPES, *ALONE, *TRAINED, *REACH),
    "Samplers": (says_what_it_is, *WALK, *DRAWS, *convergence.CONVERGENCE),
}
CORRUPTIONS = [
    ("jpeg", {"quality": 10}),
    ("jpeg", {"quality": (5, 40), "subsampling": "4:4:4"}),
    ("jpeg-i2sb", {"quality": 5}),
    ("blur", {"size": 9}),
    ("blur", {"kernel": "any", "size": (5, 13), "sigma": (1.0, 3.0)}),
    ("blur", {"kernel": "gaussian", "size": 9, "sigma": 2.0}),
    ("blur-i2sb", {"kernel": "uniform"}),
    ("blur-i2sb", {"kernel": "gaussian"}),
    ("superres", {}),
    ("superres", {"scale": 3}),
    ("superres", {"scale": 2, "filter": "pool"}),
    ("inpaint", {}),
    ("inpaint", {"shape": "any", "ratio": (0.1, 0.3)}),
    ("mixture", {"of": ({"name": "jpeg", "quality": 10}, {"name": "inpaint"}, {"name": "superres"})}),
    ("mixture", {"of": ({"name": "superres"}, {"name": "superres", "filter": "pool"}), "weights": (1.0, 2.0)}),
]
SCHEDULES = [
    ("i2sb", {"beta_max": 0.3}),
    ("i2sb", {"beta_max": 1.0}),
    ("i2sb", {"beta_max": 0.3, "steps": 100}),
    ("brownian", {"std": 0.5}),
    ("vp", {}),
    ("ve", {}),
    ("resshift", {}),
    ("flow", {}),
    ("diffusion", {}),
    ("diffusion", {"target": "velocity"}),
]
ADM = {
    "image_size": 16,
    "model_channels": 32,
    "channel_mult": (1, 2),
    "num_res_blocks": 1,
    "attention_resolutions": (8,),
}
BACKBONES = [
    ("compact", {"width": 4, "encoder": (1, 1), "middle": 1, "decoder": (1, 1)}),
    ("compact", {"width": 2}),
    ("adm", {**ADM, "dropout": 0.1}),
]
SAMPLERS = [
    ("sde", {"nfe": 5}),
    ("sde", {"nfe": 6, "spacing": "karras"}),
    ("ode", {"nfe": 1}),
    ("ode2", {"nfe": 5}),
    ("dbim", {"nfe": 1}),
    ("dbim", {"nfe": 5, "eta": 0.5}),
    ("dbim", {"nfe": 6, "order": 3, "spacing": "logsnr"}),
    ("dbmsolver", {"nfe": 6}),
]
PAIRED = "paired"
"""Its `corrupt` only refuses: it takes an example."""


@pytest.mark.parametrize(("name", "options"), CORRUPTIONS)
def test_corruptions(name, options):
    """As `check_corruption` asks."""
    check_corruption(registry.build("corruption", name, **options))


@pytest.mark.parametrize("scale", [1, 2])
def test_damage_that_comes_with_the_data(scale):
    """As `check_corruption` asks, with a pair and without."""
    x0 = torch.linspace(-1, 1, 3 * 16 * 24).reshape(3, 16, 24)
    part = registry.build("corruption", PAIRED, scale=scale)
    check_corruption(part, pair=(x0, Observation(x0[:, ::scale, ::scale].contiguous())))
    check_corruption(part)


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedules(name, options):
    """As `check_schedule` asks."""
    check_schedule(registry.build("schedule", name, **options))


@pytest.mark.parametrize(("name", "options"), BACKBONES)
def test_backbones(name, options):
    """As `check_backbone` asks."""
    check_backbone(registry.build("backbone", name, **options))


@pytest.mark.parametrize(("name", "options"), SAMPLERS)
def test_samplers(name, options):
    """As `check_sampler` asks."""
    check_sampler(registry.build("sampler", name, **options))


def test_no_built_in_is_left_out():
    """Each name that i2sbkit itself brings is checked here; `i3sb` is another name for `dbim`."""
    lists = {"corruption": CORRUPTIONS, "schedule": SCHEDULES, "backbone": BACKBONES, "sampler": SAMPLERS}
    checked = {(kind, name) for kind, parts in lists.items() for name, _ in parts}
    ours = {(c.kind, c.name) for c in registry.default().components if c.distribution == "i2sbkit" and c.kind in lists}
    assert ours == checked | {("corruption", PAIRED), ("sampler", "i3sb")}


def test_the_page_lists_the_promises():
    """promises.md has each, word for word and in the order in which they are checked, and no other."""
    for section in re.split(r"^## ", promises.PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        listed = [" ".join(item.split()) for item in re.findall(r"^- (.*?)(?=\n- |\n\n|\Z)", text, re.DOTALL | re.M)]
        assert listed == [promises.promise_of(check) for check in PAGE[title]], title
