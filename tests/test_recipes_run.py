"""Every shipped recipe trains two steps and restores, as shipped but for its size."""

import json
from pathlib import Path

import numpy as np
import pytest
from pictures import photo, pixels
from PIL import Image

from i2sbkit import shipped
from i2sbkit.cli import execute

COMPACT = ("backbone.width=4", "backbone.encoder=[1]", "backbone.middle=1", "backbone.decoder=[1]")
ADM = (
    "backbone.image_size=32",
    "backbone.model_channels=32",
    "backbone.channel_mult=[1,1,2]",
    "backbone.num_res_blocks=1",
    "backbone.attention_resolutions=[16,8]",
    "backbone.num_head_channels=16",
)
TOY = ("data.size=32", "data.val_size=32", "data.val=[]", "train.iterations=2", "train.batch=2", "train.microbatch=1")
PAPER = [name for name in shipped.recipes() if name.startswith("imagenet256/")]
BLIND = "repro/unconditional"
"""What knows nothing of damaged pictures, and is told."""
SMALLER = {
    "sr4x",
    "imagenet256/sr4x-pool",
    "imagenet256/sr4x-bicubic",
    "repro/sr4x-i2sb",
    "repro/sr4x-i2sb-x1",
    "repro/sr4x-diffusion",
    BLIND,
}
"""Recipes whose degraded pictures are four times smaller."""
SCHEDULES = ["vp", "ve", "resshift", "flow", "diffusion"]
"""Recipes that are named after theirs."""
PHOTOS = Path(__file__).parent.parent / "recipes/photos/train-000000.tar"


def settings(name):
    """The recipe at toy size."""
    data = (f"data.train={PHOTOS.as_posix()}",) if name in PAPER else ()
    overrides = (*(ADM if name in PAPER else COMPACT), *TOY, *data)
    return [word for override in overrides for word in ("--set", override)]


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """Trains a recipe for two steps; the path of its weights."""
    monkeypatch.chdir(tmp_path)

    def train(name):
        assert execute(["train", name, *settings(name), "--out", "run", "--device", "cpu", "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert (result["step"], np.isfinite(result["loss"])) == (2, True)
        return result["weights"]

    return train


def test_the_papers_nine_recipes_are_there():
    """Two of JPEG, two of super-resolution, two of blur, three of inpainting."""
    assert [name.removeprefix("imagenet256/") for name in PAPER] == [
        "blur-gauss", "blur-uni", "inpaint-center", "inpaint-freeform1020", "inpaint-freeform2030", "jpeg10", "jpeg5",
        "sr4x-bicubic", "sr4x-pool",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in shipped.recipes() if name != "pix2pix"])
def test_it_trains_and_restores(name, trained, tmp_path):
    """Train, damage a picture as the recipe does, restore that file: a picture of the clean one's size comes back."""
    weights = trained(name)
    tmp_path.joinpath("clean").mkdir()
    photo(32, 32).save("clean/a.png")
    assert execute(["degrade", "clean", "damaged", "--recipe", "run/recipe.toml"]) == 0
    (damaged,) = Path("damaged").iterdir()
    with Image.open(damaged) as file:
        assert file.size == ((8, 8) if name in SMALLER else (32, 32))
        assert file.has_transparency_data == ("inpaint" in name)
    told = ["--consistency", "ddnm"] if name == BLIND else []
    assert execute(["restore", "damaged", "out", "--weights", weights, "--nfe", "2", "--device", "cpu", *told]) == 0
    restored = Path("out", damaged.name)
    assert pixels(restored).shape == (32, 32, 3)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_recipe_of_a_schedule_goes_on(name, trained, capsys):
    """The same command with more steps takes up the run where it ended."""
    trained(name)
    more = [*settings(name), "--set", "train.iterations=3", "--out", "run", "--device", "cpu", "--json"]
    assert execute(["train", name, *more]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["step"] == 3
    assert "step 2 of 3" in captured.err


def test_pix2pix_trains_and_restores(trained):
    """On the pairs that ship with it; what it restores is a drawing of edges."""
    weights = trained("pix2pix")
    photo(32, 32).convert("L").convert("RGB").save("drawing.png")
    assert execute(["restore", "drawing.png", "out.png", "--weights", weights, "--device", "cpu"]) == 0
    assert pixels("out.png").shape == (32, 32, 3)


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_hyper_parameters(name, capsys):
    """Those of the authors' training script: schedule, mode, batch, rate, average, preprocessing."""
    assert execute(["recipes", "show", name, "--resolved"]) == 0
    import tomllib

    recipe = tomllib.loads(capsys.readouterr().out)
    deterministic = "blur" in name or "inpaint" in name
    assert recipe["schedule"] == {"name": "i2sb", "steps": 1000, "beta_max": 1.0 if deterministic else 0.3} | {
        "beta_min": 1e-4
    }
    assert recipe["bridge"] == {"ot_ode": deterministic, "cond_x1": False, "add_x1_noise": False}
    assert recipe["backbone"]["name"] == "adm"
    train, data = recipe["train"], recipe["data"]
    assert (train["batch"], train["microbatch"], train["lr"], train["ema"]) == (256, 2, 5e-5, 0.99)
    assert (train["schedule"], train["lr_step"], train["lr_gamma"], train["weight_decay"]) == ("step", 1000, 0.99, 0.0)
    assert "clip" not in train and train["precision"] == "fp32"
    assert (data["size"], data["crop"], data["flip"], data["quantize"]) == (256, "center", True, False)
