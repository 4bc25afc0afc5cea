"""`train.init` and `train --init-from`: which weights a training may begin from."""

import re
import shutil

import pytest
import torch
from fake_plugins import message
from tiny_training import SHORT, go

from i2sbkit.checkpoint import build_network, read_tensors, write_weights
from i2sbkit.cli import execute
from i2sbkit.recipe import load_recipe
from i2sbkit.training.resuming import load_state
from i2sbkit.training.trainer import Trainer

CPU = torch.device("cpu")
BLIND = "bridge.cond_x1=false"


@pytest.fixture
def blind(tmp_path, tiny_recipe):
    """Weights of a network that does not see x1."""
    recipe = load_recipe(tiny_recipe, [BLIND])
    torch.manual_seed(7)
    tensors = {name: torch.randn_like(tensor) for name, tensor in build_network(recipe).state_dict().items()}
    write_weights(tmp_path / "blind.safetensors", tensors, recipe)
    return tmp_path / "blind.safetensors"


def begun(recipe, *overrides):
    """The network that a training begins with."""
    return Trainer(load_recipe(recipe, overrides), CPU).net.state_dict()


def test_a_network_that_sees_x1_begins_from_one_that_does_not(tiny_recipe, blind, capsys):
    """The first convolution is filled where the file has it and fresh for x1; all else is the file's, so it says."""
    started, given, fresh = begun(tiny_recipe, f"train.init={blind}"), read_tensors(blind), begun(tiny_recipe)
    assert torch.equal(started["intro.weight"][:, :3], given["intro.weight"])
    assert torch.equal(started["intro.weight"][:, 3:], fresh["intro.weight"][:, 3:])
    assert all(torch.equal(tensor, given[name]) for name, tensor in started.items() if name != "intro.weight")
    told = (
        "blind.safetensors: its network does not see x1; intro.weight widened to 6 input channels, the new ones fresh"
    )
    assert told in capsys.readouterr().err


def test_no_other_misfit_is_forgiven(tiny_recipe, blind, tiny_weights):
    """Another width is an error, and so is a network that sees x1 for one that does not."""
    assert "does not fit the network" in message(begun, tiny_recipe, f"train.init={blind}", "backbone.width=8")
    assert "'intro.weight' is (4, 6, 3, 3)" in message(begun, tiny_recipe, f"train.init={tiny_weights}", BLIND)


def test_a_training_state_gives_its_averages(whole_run, tmp_path):
    """Beginning from a state is beginning from the weights that were written with it."""
    recipe, run = whole_run
    state, weights = (
        begun(recipe, f"train.init={run / name}") for name in ("state-00000020.safetensors", "weights.safetensors")
    )
    assert all(torch.equal(state[name], weights[name]) for name in weights)


def test_init_from_is_train_init(tiny_recipe, blind, tmp_path, monkeypatch, capsys):
    """The path starts from the current folder; the same command again resumes."""
    monkeypatch.chdir(tmp_path)
    command = ["train", str(tiny_recipe), "--init-from", "blind.safetensors", "--out", "run", "--device", "cpu"]
    command += ["--set", SHORT, "--set", "train.iterations=2"]
    assert execute(command) == 0
    assert f'init = "{blind}"' in (tmp_path / "run" / "recipe.toml").read_text()
    assert execute([*command[:-1], "train.iterations=3"]) == 0
    assert "run: step 2 of 3" in capsys.readouterr().err
    assert execute(["train", str(tiny_recipe), "--init-from", "blnd.safetensors", "--out", "other"]) == 2
    assert "no weights 'blnd.safetensors'" in capsys.readouterr().err


def test_resuming_takes_the_state_and_not_the_beginning(tiny_recipe, blind, tmp_path):
    """A run begun from widened weights goes on as one that was never stopped."""
    init = f"train.init={blind}"
    go(tiny_recipe, tmp_path / "whole", SHORT, init)
    go(tiny_recipe, tmp_path / "parts", SHORT, init, "train.iterations=10")
    shutil.copytree(tmp_path / "parts", tmp_path / "kept")
    go(tiny_recipe, tmp_path / "parts", SHORT, init)
    one, other = (read_tensors(tmp_path / run / "state-00000020.safetensors") for run in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    trainer = Trainer(load_recipe(tiny_recipe, [init]), CPU)
    assert load_state(trainer, tmp_path / "kept" / "state-00000010.safetensors") == 10


def test_bundled_weights_are_named_by_their_task(tiny_recipe, capsys):
    """`--init-from jpeg` is the file that comes with i2sbkit: here it does not fit, and is named."""
    assert execute(["train", str(tiny_recipe), "--init-from", "jpeg", "--out", "nowhere", "--device", "cpu"]) == 2
    assert "weights/jpeg.safetensors: does not fit the network" in capsys.readouterr().err


def test_numbers_that_are_no_weights_are_refused(tiny_recipe, blind):
    """Whole numbers do not pass for weights, whether a layer is widened or not."""
    for name in ("intro.weight", "ending.bias"):
        tensors = read_tensors(blind)
        tensors[name] = tensors[name].to(torch.int64)
        write_weights(blind.with_name("w.safetensors"), tensors, load_recipe(tiny_recipe, [BLIND]))
        told = message(begun, tiny_recipe, f"train.init={blind.with_name('w.safetensors')}")
        assert re.search(rf"'{name}' is (torch.int64|\(4, 3, 3, 3\)), the network has", told)


def test_half_precision_may_be_begun_from(tiny_recipe, blind):
    """Widened or not: the network is float32 again."""
    half = {name: tensor.half() for name, tensor in read_tensors(blind).items()}
    write_weights(blind.with_name("w.safetensors"), half, load_recipe(tiny_recipe, [BLIND]))
    started = begun(tiny_recipe, f"train.init={blind.with_name('w.safetensors')}")
    assert {tensor.dtype for tensor in started.values()} == {torch.float32}
    assert torch.equal(started["intro.weight"][:, :3], half["intro.weight"].float())
