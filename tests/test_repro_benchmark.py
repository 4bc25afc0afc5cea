"""benchmarks/repro.py trains, measures and writes; whatever is stopped goes on; what came out is told either way."""

import importlib
import re
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import assert_equal_bits

import i2sbkit
from i2sbkit import Error, shipped
from i2sbkit.checkpoint import read_header, read_tensors
from i2sbkit.cli import execute
from i2sbkit.recipe import load_recipe

ROOT = Path(__file__).parent.parent
NAMES = ("jpeg10-i2sb", "jpeg10-diffusion", "sr4x-i2sb", "sr4x-diffusion", "unconditional")
TOY = (
    "backbone.width=4", "backbone.encoder=[1]", "backbone.middle=0", "backbone.decoder=[1]", "backbone.time_dim=8",
    "train.batch=1", "train.iterations=8", "train.warmup=2", "data.size=16", "data.val=[]", "data.crops=1000",
)  # fmt: skip


@pytest.fixture(scope="module")
def bench():
    """Imports a module of the benchmarks' folder, which is on the path as for `python benchmarks/repro.py`."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield importlib.import_module
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def trained(bench, tmp_path_factory):
    """Two of the five trained at toy size; the folder of the runs."""
    runs = tmp_path_factory.mktemp("runs")
    for name in ("sr4x-diffusion", "unconditional"):
        bench("repro_training").train(name, runs, None, None, TOY)
    return runs


def test_the_recipes_differ_in_what_is_compared_alone(bench):
    """Network, photographs and training are the same for all; of a task the damage too."""
    assert bench("repro_training").NAMES == NAMES
    documents = {name: load_recipe(shipped.recipes()[f"repro/{name}"]).document for name in NAMES}
    first = documents[NAMES[0]]
    for document in documents.values():
        differing = {section for section in first if document[section] != first[section]}
        assert differing <= {"corruption", "schedule", "bridge", "data", "train"}
        loose = {"train": {"val_every", "val_nfe"}, "data": {"val"}}  # nothing is there to validate clean pictures with
        for section, keys in loose.items():
            assert {k: v for k, v in document[section].items() if k not in keys} == {
                k: v for k, v in first[section].items() if k not in keys
            }
        assert (document["train"]["end_share"], document["train"]["relative"]) == (0.0, False)
    assert documents["sr4x-i2sb"]["corruption"] == documents["sr4x-diffusion"]["corruption"]
    assert first["schedule"] == documents["sr4x-i2sb"]["schedule"] and first["schedule"]["beta_max"] == 0.3


def test_milestones_are_those_of_one_training(bench, trained, tmp_path):
    """A training cut at its milestones, and once more in between, is bit for bit the one that is not cut."""
    steps = bench("repro_training").milestones("sr4x-diffusion", trained)
    assert list(steps) == [1, 2, 4, 6, 8]
    assert [read_header(path)["step"] for path in steps.values()] == [1, 2, 4, 6, 8]
    words = [word for each in TOY for word in ("--set", each)]
    for step in (3, 8):
        ends = ["--set", f"train.iterations={step}", "--out", str(tmp_path / "run"), "--device", "cpu"]
        assert execute(["train", "repro/sr4x-diffusion", *words, *ends]) == 0
    assert_equal_bits(read_tensors(tmp_path / "run/weights.safetensors"), read_tensors(steps[8]))


def test_a_training_that_was_stopped_goes_on(bench, trained, monkeypatch):
    """What is there is not trained again; a failure ends it with its code; a milestone that is lost is told."""
    training = bench("repro_training")
    monkeypatch.setattr(training, "execute", lambda words: pytest.fail("trained again"))
    training.train("sr4x-diffusion", trained, None, None, TOY)
    monkeypatch.setattr(training, "execute", lambda words: 143)
    with pytest.raises(SystemExit) as stopped:
        training.train("sr4x-diffusion", trained, None, None, (*TOY, "train.iterations=16"))
    assert stopped.value.code == 143
    monkeypatch.setattr(training, "execute", lambda words: 0)
    with pytest.raises(Error, match="the run is at step 8"):
        training.train("sr4x-diffusion", trained, None, None, (*TOY, "train.iterations=7"))


def test_tiles_lie_side_by_side(bench, tmp_path, monkeypatch):
    """Put together again they are the picture, but for what is left over; made once."""
    trials = bench("repro_trials")
    tmp_path.joinpath("photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (70, 100, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photos/a.png")
    monkeypatch.setattr(trials, "HELDOUT", tmp_path / "photos")
    folder = trials.tiles(tmp_path)
    rows = [[np.asarray(Image.open(folder / f"a-{y:02d}-{x:02d}.png")) for x in range(3)] for y in range(2)]
    assert (np.block([[[tile] for tile in row] for row in rows]) == pixels[:64, :96]).all()
    assert len(list(folder.iterdir())) == 6
    monkeypatch.setattr(trials, "HELDOUT", tmp_path / "gone")
    assert trials.tiles(tmp_path) == folder


def test_what_is_measured_is_kept(bench, trained, monkeypatch):
    """Nothing is measured twice; other tiles are, unless it should be known already."""
    measuring = bench("repro_measuring")
    trial = replace(bench("repro_trials").trials("jpeg10", "ddnm", "sde", trained)[-1], nfes=(1, 2))
    found = measuring.Measured(trained, 2).results(trial)
    assert [row.nfe for row in found] == [0, 1, 2] and all(row.frechet_efflite0 >= 0 for row in found)
    monkeypatch.setattr(measuring, "opened", lambda *_, **__: pytest.fail("measured again"))
    assert measuring.Measured(trained, 2).results(trial) == found
    with pytest.raises(Error, match="not measured yet"):
        measuring.Measured(trained, 3, known=True).results(trial)


@pytest.mark.parametrize(("task", "damage"), [("jpeg10", "jpeg"), ("sr4x", "superres")])
def test_one_unconditional_network_is_told_the_damage_of_either_task(bench, trained, task, damage):
    """In its recipe, by which it is restored with; the weights are as they were."""
    trial = bench("repro_trials").trials(task, "ddnm", "sde", trained)[-1]
    model = trial.model()
    assert model.weights.recipe.document["corruption"]["name"] == damage
    assert_equal_bits(model.weights.tensors, read_tensors(trial.weights))


def test_seconds_are_measured_in_turns(bench, trained):
    """Of every way a positive number, more for more evaluations."""
    trial = bench("repro_trials").trials("sr4x", "ddnm", "ode", trained)[-1]
    ways = {nfe: trial.model().restorer(replace(trial.settings, nfe=nfe)) for nfe in (1, 6)}
    seconds = bench("repro_seconds").interleaved(ways, [i2sbkit.Observation(torch.zeros(3, 8, 8))] * 2, 1)
    assert 0 < seconds[1] < seconds[6]


def test_equal_seconds(bench):
    """As many evaluations as fit, and never none."""
    measuring = bench("repro_measuring")
    seconds = {"i2sb": {1: 1.0, 2: 2.0, 50: 50.0}, "ddnm": {50: 150.0}}
    assert [measuring.fitting(seconds, nfe) for nfe in (1, 2, 50)] == [1, 1, 16]


@pytest.fixture
def stand_ins(bench, tmp_path, monkeypatch):
    """Milestones of all five, and numbers in place of what would be measured; the folder of the runs."""
    measuring = bench("repro_measuring")
    for name in NAMES:
        folder = bench("repro_training").run_of(name, tmp_path)
        folder.mkdir()
        for step in (100, 200, 400):
            folder.joinpath(f"milestone-{step:08d}.safetensors").touch()

    def results(self, trial):
        return [measuring.Found(nfe, 30 - nfe / 10, 0.5, 1000 / trial.step + nfe) for nfe in (0, *trial.nfes)]

    each = {nfe: 0.01 * nfe for nfe in measuring.NFES}
    seconds = {"i2sb": each, "diffusion": each, "ddnm": {nfe: 3 * value for nfe, value in each.items()}}
    monkeypatch.setattr(measuring.Measured, "results", results)
    monkeypatch.setattr(measuring.Measured, "seconds", lambda self, task: seconds)
    return tmp_path


def test_the_page_is_written(bench, stand_ins, tmp_path):
    """Every part of the page has its tables, and the picture is one; twice is the same."""
    page = tmp_path / "repro.md"
    page.write_text((ROOT / "docs/repro.md").read_text("utf-8"), "utf-8")
    write = bench("repro_page").write
    write(stand_ins, 3, page)
    text = page.read_text("utf-8")
    for part in ("jpeg10", "sr4x"):
        inside = text.partition(f"writes {part}: begin -->")[2].partition("<!--")[0]
        assert len(re.findall(r"^\| I²SB \|", inside, re.MULTILINE)) == 4  # three metrics and the seconds
        assert "After 400 steps; 3 tiles" in inside and "30.00 |" in inside
        assert "in I²SB's seconds (its nfe) | 29.90 (1) | 29.90 (1) | 29.90 (1) | 29.70 (3)" in inside
        learned = text.partition(f"writes {part} curves: begin -->")[2].partition("<!--")[0]
        assert "100 steps | 200 steps | 400 steps" in learned and "| I²SB, nfe 1 | 29.90 / 11.00 |" in learned
    root = ElementTree.parse(tmp_path / "images/repro.svg").getroot()
    assert len(root.findall(".//{*}polyline")) == 2 * (5 + 5 + 3)
    write(stand_ins, 3, page)
    assert page.read_text("utf-8") == text


def rows(bench, *distances):
    """Rows by nfe with these distances."""
    module = bench("repro_claims")
    found = bench("repro_measuring").Found
    return {nfe: found(nfe, 30.0, 0.1, each) for nfe, each in zip(module.NFES, distances, strict=True)}


@pytest.mark.parametrize(
    ("ours", "says"),
    [
        ((1, 1, 1, 1, 1, 1), "**holds** at every nfe"),
        ((9, 9, 9, 9, 9, 9), "**does not hold** at any nfe"),
        ((1, 1, 1, 9, 9, 9), "**holds at 3 of 6** (nfe 1, 2, 5)"),
    ],
)
def test_claims_that_do_not_hold_are_told(bench, ours, says):
    """As plainly as those that do, with both numbers."""
    module = bench("repro_claims")
    line = module._realism(rows(bench, *ours), [rows(bench, *[5.0] * 6), rows(bench, *[7.0] * 6)])
    assert says in line and f"{ours[0]:.2f} against 5.00 (nfe 1)" in line


def test_few_against_many(bench):
    """Our best of few evaluations against the best of all of theirs."""
    module = bench("repro_claims")
    assert "**holds**, 3.00 against 4.00" in module._few(rows(bench, 9, 3, 5, 5, 1, 1), [rows(bench, 9, 9, 9, 9, 9, 4)])
    assert "**does not hold**" in module._few(rows(bench, 9, 5, 5, 5, 1, 1), [rows(bench, 9, 9, 9, 9, 9, 4)])


def test_an_unconditional_network_restores_only_what_it_is_told_of(trained):
    """Without consistency there is one line that says so; with it there is a picture."""
    model = i2sbkit.load(trained / "repro-unconditional/weights.safetensors", "cpu")
    y = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5
    with pytest.raises(Error, match="nothing tells it what to restore; give the consistency ddnm"):
        model.restore(y)
    restored = model.restore(y, consistency="ddnm", nfe=4)
    again = model.weights.recipe.parts.corruption.operator(i2sbkit.Observation(y)).A(restored)
    assert (again - y).square().mean().sqrt() < 0.03
