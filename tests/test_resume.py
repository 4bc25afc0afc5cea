"""Going on: bit-exactly, from the right state, under the same maths, or not at all."""

import os
import re
import shutil

import numpy as np
import pytest
import torch
from fake_plugins import message
from PIL import Image
from tiny_training import PHOTOS, SHORT, TINY, assert_equal_bits, go, state, states

from i2sbkit.checkpoint import read_header, read_tensors, save
from i2sbkit.recipe import load_recipe
from i2sbkit.training import saving
from i2sbkit.training.resuming import load_state
from i2sbkit.training.trainer import Trainer


def lines_of(error):
    return error.splitlines()[1:]


def test_ten_and_ten_are_twenty(whole_run, half_run):
    """Every tensor of the state equal to the bit: network, averages, both moments and the step of the optimiser."""
    recipe, run = half_run
    assert go(recipe, run, SHORT)["step"] == 20
    groups = {name.split("/")[0] for name in state(run, 20)}
    slots = {name.rpartition("/")[2] for name in state(run, 20) if name.startswith("opt/")}
    assert groups == {"net", "ema", "opt"}
    assert slots == {"step", "exp_avg", "exp_avg_sq"}
    assert_equal_bits(state(run, 20), state(whole_run[1], 20))
    assert_equal_bits(read_tensors(run / "weights.safetensors"), read_tensors(whole_run[1] / "weights.safetensors"))


MORE = ["train.microbatch=3", "train.precision=fp16", "train.weight_decay=0.1", "bridge.ot_ode=true"]


@pytest.mark.parametrize("more", MORE)
def test_whatever_is_trained_goes_on(more, tiny_recipe, tmp_path):
    """The same where the batch is split, the loss scaled, the decay on; the scale of the loss is in the state too."""
    go(tiny_recipe, tmp_path / "whole", SHORT, "train.iterations=4", more)
    go(tiny_recipe, tmp_path / "parts", SHORT, "train.iterations=2", more)
    go(tiny_recipe, tmp_path / "parts", SHORT, "train.iterations=4", more)
    assert_equal_bits(state(tmp_path / "parts", 4), state(tmp_path / "whole", 4))
    headers = [read_header(tmp_path / run / "state-00000004.safetensors") for run in ("whole", "parts")]
    assert headers[0] == headers[1]


def test_across_the_end_of_an_epoch(tiny_recipe, tmp_path):
    """Five pictures, batches of four: an epoch ends within a batch, before, at and after the step of going on."""
    (tmp_path / "five").mkdir()
    for number in range(5):
        Image.effect_noise((24, 24), 10 + 20 * number).convert("RGB").save(tmp_path / "five" / f"{number}.png")
    data = [SHORT, f"data.train={tmp_path / 'five'}", "data.crops=2"]  # 10 images an epoch
    go(tiny_recipe, tmp_path / "whole", *data, "train.iterations=9")
    for end in (2, 5, 9):  # 8, 20 and 36 images
        go(tiny_recipe, tmp_path / "parts", *data, f"train.iterations={end}")
    assert_equal_bits(state(tmp_path / "parts", 9), state(tmp_path / "whole", 9))


def test_the_resolved_recipe_of_the_run_resumes_too(whole_run, tiny_recipe, tmp_path, tiny_weights):
    """`train RUN/recipe.toml --out RUN` goes on, though all paths in it are absolute by now, that of init too."""
    shutil.copy(tiny_weights, tmp_path / "w.safetensors")
    relative = TINY.replace(PHOTOS.as_posix(), os.path.relpath(PHOTOS, tmp_path))
    tiny_recipe.write_text(relative + 'init = "w.safetensors"\n')
    go(tiny_recipe, tmp_path / "whole", SHORT, "train.iterations=4")
    go(tiny_recipe, tmp_path / "parts", SHORT, "train.iterations=2")
    go(tmp_path / "parts" / "recipe.toml", tmp_path / "parts", "train.iterations=4")
    assert_equal_bits(state(tmp_path / "parts", 4), state(tmp_path / "whole", 4))


def test_never_wants_an_unused_run(half_run, tmp_path):
    """--resume never on a run that has states is refused; on a new one it starts."""
    recipe, run = half_run
    told = message(go, recipe, run, SHORT, resume="never")
    assert told == f"{run}: holds a run already; take another --out, or --resume auto to go on with it"
    assert go(recipe, tmp_path / "new", SHORT, "train.iterations=1", resume="never")["step"] == 1


@pytest.mark.parametrize("resume", ["auto", "never"])
def test_weights_whose_states_are_gone_are_not_written_over(resume, whole_run, tmp_path):
    """Nothing is left to go on from, and to start anew would be the loss of what was trained."""
    run = tmp_path / "run"
    shutil.copytree(whole_run[1], run)
    for path in run.glob("state-*"):
        path.unlink()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    told = message(go, whole_run[0], run, SHORT, resume=resume)
    weights = run / "weights.safetensors"
    assert (
        told == f"{run}: holds weights but no state; take another --out, or begin from them with --init-from {weights}"
    )
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_that_ended_before_its_first_state_begins_again(tiny_recipe, tmp_path):
    """The same command does, whatever its log says; --resume never wants another folder."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.jsonl").write_text('{"step": 10, "loss": 1.0}\n')
    told = message(go, tiny_recipe, tmp_path / "run", SHORT, resume="never")
    assert "holds a run already; take another --out" in told
    assert go(tiny_recipe, tmp_path / "run", SHORT, "train.iterations=1")["step"] == 1


def test_from_a_given_state(whole_run, tmp_path):
    """--resume FILE goes on from it in a new run folder."""
    recipe, run = whole_run
    go(recipe, tmp_path / "new", SHORT, resume=str(run / "state-00000010.safetensors"))
    assert states(tmp_path / "new") == [20]
    assert_equal_bits(state(tmp_path / "new", 20), state(run, 20))


def test_a_given_state_that_does_not_do(whole_run, tmp_path):
    """None there, weights, or one that the run is beyond (the next resume would take the later one): refused."""
    recipe, run = whole_run
    assert "no such state; say auto, never or the path" in message(go, recipe, tmp_path, SHORT, resume="always")
    weights = str(run / "weights.safetensors")
    assert f"--init-from {weights}" in message(go, recipe, tmp_path / "new", SHORT, resume=weights)
    told = message(go, recipe, run, SHORT, resume=str(run / "state-00000010.safetensors"))
    assert "state-00000020.safetensors: the run is beyond state-00000010.safetensors; take another --out" in told
    assert states(run) == [10, 20]


def test_changed_maths_is_refused_by_name(half_run):
    """Every key that would make it another training, with what it was and is; in one message."""
    recipe, run = half_run
    changes = ["train.lr=2e-3", "train.batch=8", "data.size=32", "data.crops=2", "corruption.quality=11"]
    told = message(go, recipe, run, SHORT, *changes, "bridge.cond_x1=false", "schedule.steps=40")
    assert told.splitlines()[0] == (
        f"{run / 'state-00000010.safetensors'}: cannot go on under a changed recipe; "
        "put these back, or start anew with another --out"
    )
    assert lines_of(told) == [
        "corruption.quality: was 10, is 11",
        "schedule.steps: was 20, is 40",
        "bridge.cond_x1: was true, is false",
        "data.crops: was 1, is 2",
        "data.size: was 16, is 32",
        "train.batch: was 4, is 8",
        "train.lr: was 0.001, is 0.002",
    ]
    assert states(run) == [10]


def test_what_is_not_maths_may_change(whole_run, half_run):
    """Iterations, saving, validation, logging, workers and the sampler; the training stays the same to the bit."""
    recipe, run = half_run
    free = ["train.save_every=7", "train.keep=9", "train.val_every=5", "train.val_nfe=[1]", "train.val_images=1"]
    go(recipe, run, *free, "train.iterations=25", "sampler.nfe=1", 'log.loggers=["tensorboard"]', "data.val_size=16")
    assert states(run) == [10, 14, 21, 25]
    go(recipe, run, SHORT, "train.iterations=25", "train.keep=1")
    assert_equal_bits(state(run, 25), _twenty_five(whole_run))


def _twenty_five(whole_run):
    recipe, run = whole_run
    shutil.copytree(run, run.with_name("longer"))
    go(recipe, run.with_name("longer"), SHORT, "train.iterations=25")
    return state(run.with_name("longer"), 25)


def test_another_init_is_refused(tiny_recipe, tmp_path, tiny_weights):
    """It would change nothing by now, so whoever sets it is told; the same file elsewhere is no change."""
    shutil.copy(tiny_weights, tmp_path / "w.safetensors")
    init = f"train.init={tmp_path / 'w.safetensors'}"
    go(tiny_recipe, tmp_path / "run", SHORT, "train.iterations=1", init)
    told = message(go, tiny_recipe, tmp_path / "run", SHORT, "train.iterations=2")
    assert re.search(r"train\.init: was \".*w\.safetensors\", is null", told)
    (tmp_path / "moved").mkdir()
    shutil.move(tmp_path / "w.safetensors", tmp_path / "moved")
    moved = f"train.init={tmp_path / 'moved' / 'w.safetensors'}"
    assert go(tiny_recipe, tmp_path / "run", SHORT, "train.iterations=2", moved)["step"] == 2


def test_an_option_that_is_new_has_its_default(half_run):
    """A state written before an option was known goes on as if it had said the default."""
    recipe, run = half_run
    path = run / "state-00000010.safetensors"
    header = read_header(path)
    del header["recipe"]["data"]["crops"], header["recipe"]["corruption"]["subsampling"], header["recipe"]["log"]
    save(path, read_tensors(path), header)
    assert "data.crops: was 1, is 2" in message(go, recipe, run, SHORT, "data.crops=2")
    assert go(recipe, run, SHORT, "train.iterations=11")["step"] == 11


def test_moved_data_is_the_same_data(half_run, tmp_path):
    """The photographs may lie elsewhere; other photographs, or fewer, are refused."""
    recipe, run = half_run
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(PHOTOS / "train-000000.tar", tmp_path / "elsewhere" / "train-000000.tar")
    other = f"data.train={PHOTOS}/val-000000.tar"
    told = message(go, recipe, run, SHORT, other)
    assert lines_of(told) == ["data.train: the photographs are not the ones it was trained on"]
    moved = f"data.train={tmp_path}/elsewhere"
    assert go(recipe, run, SHORT, moved, "train.iterations=11")["step"] == 11


def test_moments_lie_in_memory_as_their_parameters(half_run):
    """The fused AdamW goes through storages as they lie; a state is stored in the common order."""
    recipe, run = half_run
    trainer = Trainer(load_recipe(recipe), torch.device("cpu"))
    load_state(trainer, run / "state-00000010.safetensors")
    strides = [
        (parameter.stride(), trainer.optimizer.state[parameter][slot].stride())
        for parameter in trainer.net.parameters()
        for slot in ("exp_avg", "exp_avg_sq")
    ]
    assert any(stride != tuple(sorted(stride, reverse=True)) for stride, _ in strides), "none is in channels_last"
    assert [pair for pair in strides if pair[0] != pair[1]] == []


@pytest.mark.parametrize("name", ["blur", "inpaint", "mixture", "pix2pix", "sr4x"])
def test_shipped_recipes_go_on(name, tmp_path):
    """Also those whose corruption is made of tables, which a header gives back with their keys in another order."""
    toy = [SHORT, "backbone.width=2", "backbone.encoder=[1]", "backbone.decoder=[1]", "backbone.middle=0"]
    toy += ["data.size=32", "train.batch=2"]
    go(name, tmp_path / "run", *toy, "train.iterations=1")
    assert go(name, tmp_path / "run", *toy, "train.iterations=2")["step"] == 2


def test_other_masks_are_another_training(tiny_recipe, tmp_path):
    """Masks count by what is in them: moved they are the same, under their old name others are not."""
    tiny_recipe.write_text(TINY.replace('name = "jpeg"\nquality = 10', 'name = "inpaint"'))
    for folder, share in (("a", 0.3), ("b", 0.3), ("c", 0.6)):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "masks.npy", np.random.default_rng(0).random((4, 16, 16)) < share)
    run, at = tmp_path / "run", lambda folder: f"data.masks={tmp_path}/{folder}/masks.npy"
    go(tiny_recipe, run, SHORT, at("a"), "train.iterations=1")
    assert go(tiny_recipe, run, SHORT, at("b"), "train.iterations=2")["step"] == 2
    assert "data.masks" in message(go, tiny_recipe, run, SHORT, at("c"), "train.iterations=3")


def test_masks_are_read_once_for_their_fingerprint(tiny_recipe, tmp_path, monkeypatch):
    """However often a state is saved: there may be gigabytes of them."""
    asked, honest = [], saving.masks_fingerprint
    monkeypatch.setattr(saving, "masks_fingerprint", lambda given: asked.append(given) or honest(given))
    tiny_recipe.write_text(TINY.replace('name = "jpeg"\nquality = 10', 'name = "inpaint"'))
    np.save(tmp_path / "m.npy", np.random.default_rng(0).random((4, 16, 16)) < 0.3)
    words = [SHORT, f"data.masks={tmp_path}/m.npy", "train.save_every=1"]
    for end in (2, 4):
        go(tiny_recipe, tmp_path / "run", *words, f"train.iterations={end}")
    assert len(asked) == 2
