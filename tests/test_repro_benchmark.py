"""benchmarks/repro.py trains and measures; whatever is stopped goes on."""

from dataclasses import replace
from pathlib import Path

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
NAMES = ("jpeg10-i2sb", "jpeg10-diffusion", "sr4x-i2sb", "sr4x-diffusion", "unconditional", "sr4x-i2sb-x1")
TOY = (
    "backbone.width=4", "backbone.encoder=[1]", "backbone.middle=0", "backbone.decoder=[1]", "backbone.time_dim=8",
    "train.batch=1", "train.iterations=8", "train.warmup=2", "data.size=16", "data.val=[]", "data.crops=1000",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(bench, tmp_path_factory):
    """Two of the six trained at toy size; the folder of the runs."""
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
    seeing, blind = documents["sr4x-i2sb-x1"], documents["sr4x-i2sb"]
    assert seeing == {**blind, "bridge": {**blind["bridge"], "cond_x1": True}} != blind
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


@pytest.fixture
def few(bench, trained, monkeypatch):
    """The last milestones alone, at two nfe, whose seconds fit two others; the list of what was evaluated."""
    measuring, numbers, trials = (bench(f"repro_{name}") for name in ("measuring", "numbers", "trials"))
    for module in (numbers, trials):
        monkeypatch.setattr(module, "NFES", (1, 2))
    each = {1: 3.0, 2: 6.0}
    monkeypatch.setattr(
        measuring, "_seconds", lambda *_: numbers.Seconds("", {"i2sb": each, "ddnm": {1: 1.0, 2: 2.0}})
    )  # fmt: skip
    last = trials.trials
    monkeypatch.setattr(measuring, "trials", lambda *way: last(*way)[-1:])
    asked, opened = [], measuring.opened
    monkeypatch.setattr(measuring, "opened", lambda *a, **k: asked.append(a[1].nfes) or opened(*a, **k))
    return asked


def test_what_is_measured_is_kept(bench, trained, few, tmp_path):
    """Nothing is measured twice, what fits into equal seconds is; other tiles take the place of what was there."""
    measuring, numbers = bench("repro_measuring"), tmp_path / "repro.json"

    def measured(count):
        measuring.measure(trained, numbers, ["unconditional"], count)
        return bench("repro_numbers").Numbers(numbers).milestones("jpeg10", "ddnm", "sde")[-1]

    found = measured(2)
    assert sorted(few) == [(1, 2)] * 4 + [(3, 6)] * 4  # two tasks, two samplers
    assert list(found.rows) == [0, 1, 2, 3, 6] and found.tiles == 2
    assert all(row.nfe == nfe and row.frechet_efflite0 >= 0 for nfe, row in found.rows.items())
    assert measured(2) == found and len(few) == 8
    assert measured(3).tiles == 3 and len(few) == 16


def test_only_the_named_are_measured(bench, trained, few, tmp_path):
    """`measure NAME`; of one without weights there is an error."""
    measuring, numbers = bench("repro_measuring"), tmp_path / "repro.json"
    measuring.measure(trained, numbers, ["sr4x-diffusion"], 2)
    known = bench("repro_numbers").Numbers(numbers)
    assert few == [(1, 2)] * 2 and len(known.last("sr4x", "diffusion")) == 2 and not known.last("sr4x", "ddnm")
    with pytest.raises(Error, match="no weights of jpeg10-i2sb to measure"):
        measuring.measure(trained, numbers, ["jpeg10-i2sb"], 2)


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
    each = {"i2sb": {1: 1.0, 2: 2.0, 50: 50.0}, "ddnm": {50: 150.0}}
    seconds = bench("repro_numbers").Seconds("a machine", each)
    assert [seconds.fitting(nfe) for nfe in (1, 2, 50)] == [1, 1, 16]


def test_seconds_need_no_training(bench, tmp_path, monkeypatch):
    """Every method at every nfe, by networks as training begins with them; kept in the file."""
    measuring, numbers = bench("repro_measuring"), tmp_path / "repro.json"
    monkeypatch.setattr(measuring, "NFES", (1, 2))
    monkeypatch.setattr(bench("repro_seconds"), "ROUNDS", 1)
    found = measuring._seconds("sr4x", tmp_path, numbers, 1)
    assert {method: list(each) for method, each in found.each.items()} == {key: [1, 2] for key in measuring.METHODS}
    assert bench("repro_numbers").Numbers(numbers).seconds("sr4x") == found


def test_an_unconditional_network_restores_only_what_it_is_told_of(trained):
    """Without consistency there is one line that says so; with it there is a picture."""
    model = i2sbkit.load(trained / "repro-unconditional/weights.safetensors", "cpu")
    y = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5
    with pytest.raises(Error, match="nothing tells it what to restore; give the consistency ddnm"):
        model.restore(y)
    restored = model.restore(y, consistency="ddnm", nfe=4)
    again = model.weights.recipe.parts.corruption.operator(i2sbkit.Observation(y)).A(restored)
    assert (again - y).square().mean().sqrt() < 0.03
