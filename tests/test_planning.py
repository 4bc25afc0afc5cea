"""`i2sbkit train --dry-run`: what a training would take."""

import json
from pathlib import Path

import pytest
import torch
from tiny_training import TINY

from i2sbkit.cli import execute
from i2sbkit.recipe import load_recipe
from i2sbkit.training.planning import OVERHEAD, plan
from i2sbkit.training.trainer import Trainer


def planned(recipe, *overrides):
    return plan(load_recipe(recipe, overrides), Path("run"))


def test_counts(tiny_recipe):
    """Parameters, photographs, images an epoch, epochs and microbatches, by hand."""
    facts = planned(tiny_recipe, "data.crops=8", "train.iterations=300", "train.batch=10", "train.microbatch=4")
    net = Trainer(load_recipe(tiny_recipe), torch.device("cpu")).net
    assert facts["parameters"] == sum(parameter.numel() for parameter in net.parameters())
    assert (facts["photographs"], facts["images_per_epoch"]) == (48, 384)
    assert facts["epochs"] == round(300 * 10 / 384, 2)
    assert facts["microbatches_per_step"] == 3


@pytest.mark.parametrize("override", ["train.batch=16", "data.size=64", "backbone.width=16", "bridge.cond_x1=false"])
def test_memory_is_what_the_backward_pass_keeps(override, tiny_recipe):
    """The estimate, made without computing, is that of the bytes that a real forward pass keeps, to 10 %."""
    recipe = load_recipe(tiny_recipe, ["train.batch=64", override])
    trainer, kept = Trainer(recipe, torch.device("cpu")), {}

    def note(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    channels, size, batch = trainer.net.intro.in_channels, recipe.data.size, recipe.train.batch
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = trainer.net(torch.rand(batch, channels, size, size), torch.rand(batch))  # noqa: F841 - kept alive
    parameters = list(trainer.net.parameters())
    for parameter in parameters:
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    needed = sum(kept.values()) + 20 * sum(parameter.numel() for parameter in parameters)
    assert planned(tiny_recipe, "train.batch=64", override)["memory_mb"] == pytest.approx(
        OVERHEAD * needed / 1e6, rel=0.1
    )


def test_memory_follows_the_microbatch(tiny_recipe):
    """A quarter of the images at a time, about a quarter of the memory; half precision, half of it."""
    whole, quarter, half = (
        planned(tiny_recipe, "train.batch=64", "data.size=128", more)["memory_mb"]
        for more in ("train.seed=0", "train.microbatch=16", "train.precision=bf16")
    )
    assert quarter == pytest.approx(whole / 4, rel=0.05)
    assert half == pytest.approx(whole / 2, rel=0.05)


def test_a_huge_training_is_planned_at_once(tiny_recipe):
    """Nothing is computed: far more memory than there is can be told of."""
    assert planned(tiny_recipe, "train.batch=4096", "data.size=1024", "backbone.width=512")["memory_mb"] > 1e6


def test_dry_run_says_so_and_writes_nothing(tiny_recipe, tmp_path, monkeypatch, capsys):
    """Parameters, memory and images an epoch on stdout, as text or JSON; no folder, no file."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert execute(["train", str(tiny_recipe), "--dry-run", "--set", "train.batch=8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny-test -> runs/tiny-test"
    assert lines[1].split() == ["parameters", "1,443"]
    assert lines[3].split(maxsplit=1) == ["photographs", "48, 48 images an epoch"]
    assert lines[4].split(maxsplit=1)[1] == "20 of 8 images (1 microbatches each): 3.33 epochs"
    assert execute(["train", str(tiny_recipe), "--dry-run", "--json", "--out", "somewhere"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["parameters"], facts["run"]) == (1443, "somewhere")
    assert facts["resolved"] == json.loads(json.dumps(dict(load_recipe(tiny_recipe).document)))
    assert sorted(tmp_path.rglob("*")) == before


def test_dry_run_tells_mistakes(tiny_recipe, capsys):
    """A recipe with mistakes, or without photographs, ends with 2 and the reason."""
    tiny_recipe.write_text(TINY.replace("batch = 4", "batch = 0"))
    assert execute(["train", str(tiny_recipe), "--dry-run"]) == 2
    assert "train.batch: must be greater than 0" in capsys.readouterr().err
    tiny_recipe.write_text(TINY)
    assert execute(["train", str(tiny_recipe), "--dry-run", "--set", "data.train=nowhere"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "nowhere" in err


def test_a_recipe_may_name_no_data(tiny_recipe, tmp_path, capsys):
    """It passes its check; the plan has all but the photographs; both plan and training say what to give."""
    bare = [line for line in TINY.splitlines() if not line.startswith(("train =", "val ="))]
    tiny_recipe.write_text("\n".join(bare))
    assert execute(["recipes", "check", str(tiny_recipe)]) == 0
    assert execute(["train", str(tiny_recipe), "--dry-run"]) == 0
    out, say = capsys.readouterr().out, "no data: --set data.train=PATH of shards"
    assert f"photographs       {say} (`i2sbkit shards pack FOLDER OUT`) or a folder of pictures\n" in out
    assert "20 of 4 images (1 microbatches each)\n" in out
    assert execute(["train", str(tiny_recipe), "--dry-run", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["photographs"], facts["epochs"], facts["no_data"][: len(say)]) == (0, None, say)
    assert execute(["train", str(tiny_recipe), "--out", str(tmp_path / "run"), "--set", "data.paired=true"]) == 2
    err = capsys.readouterr().err
    assert f"{say} (`i2sbkit shards pack FOLDER OUT --paired`) or a folder with clean/ and degraded/ in it" in err
    assert not (tmp_path / "run").exists()
