"""The authors' files: what `i2sbkit weights import` makes of them, to the digit (tests/golden/README.md)."""

import argparse
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import i2sbkit
from i2sbkit.checkpoint import read_header, read_weights
from i2sbkit.cli import execute
from i2sbkit.importing import import_weights
from i2sbkit.recipe import load_recipe
from i2sbkit_plugins.adm import Adm
from i2sbkit_plugins.official import TASKS, read_results

TINY = Path(__file__).parent / "golden" / "official-tiny"
HEADS = "backbone.num_head_channels=16"


@pytest.fixture(scope="module")
def reference():
    with np.load(TINY / "reference.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The authors' tiny network as our weights."""
    path = tmp_path_factory.mktemp("imported") / "tiny.safetensors"
    import_weights(TINY, path, [HEADS])
    return path


def results(folder, **options):
    """A results folder like the tiny one, with other options; None takes one away."""
    folder.mkdir()
    folder.joinpath("latest.pt").symlink_to(TINY / "latest.pt")
    values = {**vars(pickle.loads(TINY.joinpath("options.pkl").read_bytes())), **options}
    kept = {key: value for key, value in values.items() if value is not None}
    folder.joinpath("options.pkl").write_bytes(pickle.dumps(argparse.Namespace(**kept)))
    return folder


def test_the_network_gives_the_authors_output(imported, reference):
    """Of the averaged network at two nodes, to 1e-4."""
    weights = read_weights(imported)
    x1, steps = reference["x1"], reference["steps"]
    time = weights.recipe.parts.bridge.tables.time[steps].float()
    with torch.inference_mode():
        output = weights.build()(x1.contiguous(memory_format=torch.channels_last), time)
    torch.testing.assert_close(output, reference["net_out"], atol=1e-4, rtol=0)


@pytest.mark.filterwarnings("ignore:.*trained as SDE")
@pytest.mark.parametrize("nfe", [1, 2, 5, 10])
def test_restoring_gives_the_authors_samples(imported, reference, nfe):
    """`load(...).restore(x1, sampler="ode")` is their deterministic sampler, to 1e-4."""
    model = i2sbkit.load(imported, "cpu")
    restored = model.restore(reference["x1"], sampler="ode", nfe=nfe)
    torch.testing.assert_close(restored, reference[f"ode_nfe{nfe}/x0"], atol=1e-4, rtol=0)


def test_the_number_of_heads_matters(tmp_path, imported, reference):
    """With the authors' default of 64, which no shape contradicts, the numbers are others: hence the assumption."""
    _, assumed = import_weights(TINY, tmp_path / "w.safetensors")
    assert any(line.startswith("backbone.num_head_channels = 64") for line in assumed)
    given = reference["x1"].contiguous(memory_format=torch.channels_last), torch.tensor([500.0, 500.0])
    with torch.inference_mode():
        one, other = (read_weights(path).build()(*given) for path in (imported, tmp_path / "w.safetensors"))
    assert (one - other).abs().max() > 0.1


def test_import_prints_the_path_and_what_it_assumed(tmp_path, capsys):
    """stdout has the file alone; stderr a line for each assumption that --set did not settle."""
    out = tmp_path / "w.safetensors"
    assert execute(["weights", "import", str(TINY), "--out", str(out), "--set", HEADS]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out}\n"
    lines = printed.err.splitlines()
    assert all(line.startswith("assumed: ") for line in lines)
    assert "assumed: sampler.nfe = 100; the authors' own default is 999" in lines
    assert "num_head_channels" not in printed.err
    assert execute(["weights", "import", str(TINY), "--out", str(out)]) == 2
    assert "exists already; --overwrite replaces it" in capsys.readouterr().err
    assert execute(["weights", "import", str(TINY), "--out", str(out), "--overwrite", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["file"], facts["parameters"], len(facts["assumed"])) == (str(out), 997_475, 3)


def test_the_recipe_is_that_of_the_training(imported):
    """Schedule, bridge, network, data and optimisation as in options.pkl; step and licence in the header."""
    header = read_header(imported)
    recipe = header["recipe"]
    assert recipe["corruption"] == {"name": "jpeg-i2sb", "quality": 10}
    assert recipe["schedule"] == {"name": "i2sb", "steps": 1000, "beta_max": 0.3, "beta_min": 1e-4}
    assert recipe["bridge"] == {"ot_ode": False, "cond_x1": False, "add_x1_noise": False}
    wanted = Adm(32, 32, (1, 1, 2), 1, (16, 8), 16)
    assert {key: tuple(v) if isinstance(v, list) else v for key, v in recipe["backbone"].items()} == {
        "name": "adm",
        **vars(wanted),
    }
    assert recipe["sampler"] == {"name": "sde", "nfe": 100, "spacing": "uniform"}
    assert {key: recipe["data"][key] for key in ("train", "size", "crop", "quantize")} == {
        "train": [],
        "size": 32,
        "crop": "center",
        "quantize": False,
    }
    assert {key: recipe["train"][key] for key in ("iterations", "batch", "microbatch", "lr", "lr_gamma", "ema")} == {
        "iterations": 1_000_000,
        "batch": 256,
        "microbatch": 2,
        "lr": 5e-5,
        "lr_gamma": 0.99,
        "ema": 0.99,
    }
    assert (header["step"], header["licence"][:15]) == (1, "CC-BY-NC-SA-4.0")


@pytest.mark.parametrize(("task", "corruption"), TASKS.items())
def test_every_task_of_the_authors_is_a_corruption(tmp_path, task, corruption):
    """Each of the nine, and their mixture, is one that i2sbkit has, with these options."""
    found = read_results(results(tmp_path / "r", corrupt=task, ot_ode=True, beta_max=1.0))
    assert found.document["corruption"] == corruption
    assert found.document["sampler"]["name"] == "ode", "as the bridge was trained as OT-ODE"
    options = dict(corruption)
    assert i2sbkit.registry.build("corruption", options.pop("name"), **options)


@pytest.mark.parametrize("task", [task for task in TASKS if task != "mixture"])
def test_imported_recipes_are_the_shipped_ones(tmp_path, task):
    """What a results folder says of a task is what the recipe in imagenet256/ says, size and network aside."""
    shipped = load_recipe(f"imagenet256/{task.replace('jpeg-', 'jpeg')}")
    options = {"ot_ode": shipped.bridge.ot_ode, "beta_max": 1.0 if shipped.bridge.ot_ode else 0.3}
    import_weights(results(tmp_path / "r", corrupt=task, **options), tmp_path / "w.safetensors")
    recipe = read_weights(tmp_path / "w.safetensors").recipe
    for section in ("corruption", "schedule", "bridge", "sampler"):
        assert recipe.document[section] == shipped.document[section]
    for key in ("iterations", "batch", "microbatch", "lr", "schedule", "lr_step", "lr_gamma", "weight_decay", "ema"):
        assert recipe.document["train"][key] == shipped.document["train"][key]
    for key in ("crop", "flip", "quantize", "train"):
        assert recipe.document["data"][key] == shipped.document["data"][key]
    assert Adm() == shipped.parts.backbone


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"corrupt": "fog"}, "corrupt is 'fog'; known are jpeg-5, jpeg-10"),
        ({"interval": None}, "interval is None; these are not the options of a training of I2SB"),
        ({"beta_max": "0.3"}, "beta_max is '0.3'"),
        ({"T": 2.0}, "told times from t0 = 0.0001 to T = 2.0"),
        ({"cond_x1": True}, "first layer"),
        ({"interval": 7}, "steps must be an even number"),
        ({"image_size": 30}, "image_size is 30"),
    ],
)
def test_what_no_recipe_can_say_is_an_error(tmp_path, options, says):
    """The file and the option are named, and nothing is written."""
    with pytest.raises(i2sbkit.Error, match=says):
        import_weights(results(tmp_path / "r", **options), tmp_path / "w.safetensors")
    assert not (tmp_path / "w.safetensors").exists()


def test_a_folder_without_its_options_says_so(tmp_path):
    """latest.pt alone does not tell how it was trained."""
    shutil.copy(TINY / "latest.pt", tmp_path)
    with pytest.raises(i2sbkit.Error, match=r"options\.pkl: is missing; .* beside latest\.pt"):
        import_weights(tmp_path, tmp_path / "w.safetensors")
