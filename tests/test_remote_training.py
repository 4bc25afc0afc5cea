"""Recipes that name URLs: how they are read, written and copied, and a training on them that is killed and goes on."""

import os
import signal

import pytest
from fake_plugins import install, message
from file_server import serving
from test_interrupted import PAUSING, wait_for
from tiny_training import PHOTOS, SHORT, assert_equal_bits, command, go, state, states

from i2sbkit.checkpoint import read_tensors
from i2sbkit.evaluating.cases import Cases
from i2sbkit.recipe import load_recipe
from i2sbkit.recipe_files import copy_recipe, recipe_problems
from i2sbkit.sources.order import epoch_order
from i2sbkit.sources.shards import open_index

URLS = ["https://x.org//a//s-{000000..000009}.tar", "s3://bucket/train/*.tar", "pipe:cat /a//b.tar"]


@pytest.fixture
def server():
    """A server of the shipped photographs."""
    with serving(PHOTOS) as server:
        yield server


def with_data(recipe, *names):
    """The recipe with other training data."""
    line = next(line for line in recipe.read_text().splitlines() if line.startswith("train ="))
    recipe.write_text(recipe.read_text().replace(line, f"train = [{', '.join(map(repr, names))}]"))
    return recipe


def test_urls_in_recipes_are_what_they_are(tiny_recipe, tmp_path):
    """No folder is put before them, and no slash is lost: in a recipe, after --set, written to a run, and copied."""
    loaded = load_recipe(with_data(tiny_recipe, *URLS, "near.tar"))
    assert loaded.paths("train") == [*URLS, str(tmp_path / "near.tar")]
    assert load_recipe(tiny_recipe, [f"data.val={URLS[0]}"]).paths("val") == URLS[:1]
    (tmp_path / "written.toml").write_text(loaded.to_toml())
    assert load_recipe(tmp_path / "written.toml").paths("train") == loaded.paths("train")
    copied = copy_recipe(tiny_recipe, tmp_path / "copies.toml")
    assert load_recipe(copied).paths("train") == loaded.paths("train")


def test_what_is_wrong_with_a_url_is_told_as_of_any_key(tiny_recipe, server):
    """By the line of the recipe."""
    (problem,) = recipe_problems(with_data(tiny_recipe, f"{server.url}/none.tar"), [SHORT])
    assert problem.startswith(f"{tiny_recipe}:")
    assert problem.endswith(f"data.train: {server.url}/none.tar: no such file")


def test_training_far_is_training_near(whole_run, server, tmp_path):
    """Validation too: every tensor is that of the run on the files themselves."""
    far = [f"data.train={server.url}/train-*.tar", f"data.val={server.url}/val-{{000000..000000}}.tar"]
    go(whole_run[0], tmp_path / "run", *far)
    assert_equal_bits(state(tmp_path / "run", 20), state(whole_run[1], 20))


def test_no_password_reaches_a_run(whole_run, tmp_path):
    """It is refused before anything is written."""
    told = message(go, whole_run[0], tmp_path / "run", "data.train=http://user:hunter2@127.0.0.1/train-000000.tar")
    assert "hunter2" not in told
    assert not (tmp_path / "run").exists()


def test_kill_nine_with_remote_shards(whole_run, server, tmp_path):
    """Killed at step 13, the same command again: it reads what steps 11 to 20 need, and ends as the whole run did."""
    (recipe, whole), run, paused = whole_run, tmp_path / "run", tmp_path / "paused"
    install(tmp_path / "site", "pause", pausing=PAUSING)
    far = [f"data.{which}={server.url}/{which}-000000.tar" for which in ("train", "val")]
    words = [recipe, run, *far, "train.val_every=13", 'log.loggers=["pausing"]']
    site = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    killed = command(*words, PYTHONPATH=site, PAUSE_AT=str(paused))
    try:
        wait_for(paused, killed)
    finally:
        killed.kill()
        killed.communicate()
    assert (killed.returncode, states(run)) == (-signal.SIGKILL, [10])
    server.asked.clear()
    again = command(*words, PYTHONPATH=site)
    _, err = again.communicate()
    assert again.returncode == 0, err
    assert_equal_bits(state(run, 20), state(whole, 20))
    assert_equal_bits(read_tensors(run / "weights.safetensors"), read_tensors(whole / "weights.safetensors"))
    assert server.gets("train-000000.tar")[-len(ranges(40, 80)) :] == ranges(40, 80)


def ranges(start, end):
    """Where the pictures of these counters lie, as a request has it, for recipe seed 0 and one crop of each picture."""
    index = open_index([PHOTOS / "train-000000.tar"])
    parts = [index.samples[number].picture for number in epoch_order(index, 0, 0, 1) + epoch_order(index, 0, 1, 1)]
    return [f"bytes={part.offset}-{part.offset + part.size - 1}" for part in parts[start:end]]


def test_remote_shards_are_evaluated(tiny_recipe, server):
    """The cases of `evaluate --data URL` are those of the files."""
    far, near = (Cases.of(load_recipe(tiny_recipe), [f"{where}/val-*.tar"], count=2) for where in (server.url, PHOTOS))
    assert far.fingerprint == near.fingerprint
    assert all(a.clean.equal(b.clean) for a, b in zip(far, near, strict=True))
