"""Trainings of 1,443 parameters on 16x16 crops, in this process or in one of their own."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import torch

from i2sbkit.checkpoint import build_network, read_tensors, write_weights
from i2sbkit.kernel.registry import Registry, Source, installed_sources
from i2sbkit.recipe import load_recipe
from i2sbkit.training import train

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "recipes" / "photos"
SHORT = "data.val=[]"
"""No validation."""

TINY = f"""\
[corruption]
name = "jpeg"
quality = 10

[schedule]
name = "i2sb"
beta_max = 0.3
steps = 20

[bridge]
cond_x1 = true

[backbone]
name = "compact"
width = 4
encoder = [1]
middle = 0
decoder = [1]
time_dim = 8

[sampler]
name = "sde"
nfe = 2

[data]
train = "{PHOTOS.as_posix()}/train-*.tar"
val = "{PHOTOS.as_posix()}/val-*.tar"
size = 16
val_size = 32

[train]
iterations = 20
batch = 4
lr = 1e-3
save_every = 10
val_every = 20
val_nfe = [1, 2]
val_images = 2
"""


def write_tiny_weights(recipe_path, path):
    """Weights of a recipe's network, drawn and not trained: unlike a fresh network they are not the zero function."""
    recipe = load_recipe(recipe_path)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    tensors = {
        name: tensor + 0.05 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in build_network(recipe).state_dict().items()
    }
    write_weights(path, tensors, recipe, step=0)
    return path


def go(recipe, run, *overrides, resume="auto"):
    """`i2sbkit train RECIPE --set ... --out RUN` in this process."""
    return train(load_recipe(recipe, overrides), run, torch.device("cpu"), resume)


def command(recipe, run, *overrides, **environment):
    """The same as a process of its own, started."""
    sets = [word for override in overrides for word in ("--set", override)]
    words = [sys.executable, "-m", "i2sbkit", "train", str(recipe), *sets, "--out", str(run), "--device", "cpu"]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def state(run, step):
    """The tensors of the state at a step."""
    return read_tensors(run / f"state-{step:08d}.safetensors")


def states(run):
    """The steps that a run folder holds states of."""
    return sorted(int(path.stem.removeprefix("state-")) for path in run.glob("state-*.safetensors"))


def log(run):
    """The lines of log.jsonl."""
    return [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]


def assert_equal_bits(one, other):
    """The same names, and every tensor the same to the last bit."""
    assert one.keys() == other.keys()
    assert [name for name in one if one[name].numpy().tobytes() != other[name].numpy().tobytes()] == []


def with_plugin(text):
    """A registry of what is installed and of a stranger's plugin with this source."""
    module = types.ModuleType("stranger")
    exec(text, module.__dict__)
    return Registry([*installed_sources(), Source("stranger", "i2sbkit-stranger", "1.0", lambda: module)])
