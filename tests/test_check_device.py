"""`attention = "xformers"` where it does not run: checking and training refuse, restoring says so and goes on."""

import pytest
import torch
from fake_plugins import message
from stand_in_xformers import by_sdpa, refuse, stand_in
from tiny_training import SHORT, TINY, go

import i2sbkit
from i2sbkit.checkpoint import read_weights, write_weights
from i2sbkit.cli import execute
from i2sbkit.recipe import load_recipe
from i2sbkit.recipe_files import recipe_problems
from i2sbkit.training.planning import plan
from i2sbkit.training.trainer import Trainer

CPU = torch.device("cpu")
ADM = """\
[backbone]
name = "adm"
image_size = 16
model_channels = 32
channel_mult = [1, 1]
num_res_blocks = 1
attention_resolutions = [8]
attention = "xformers"
"""
REFUSED = 'attention = "xformers" cannot run on cpu (does not run here: NotImplementedError: No operator found'


@pytest.fixture
def recipe(tmp_path):
    """The tiny recipe with a small ADM network that asks for xformers."""
    before, rest = TINY.split("[backbone]")
    path = tmp_path / "adm.toml"
    path.write_text(before + ADM + "\n[sampler]" + rest.split("[sampler]")[1], "utf-8")
    return path


@pytest.fixture
def weights(recipe, tmp_path):
    """Weights of it, drawn at random."""
    loaded = load_recipe(recipe)
    torch.manual_seed(0)
    net = loaded.parts.backbone.build(6, 3)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    write_weights(tmp_path / "adm.safetensors", net.state_dict(), loaded)
    return tmp_path / "adm.safetensors"


def test_check_says_so_and_why(recipe, capsys):
    """The real xformers on this CPU: file, line, reason and remedy; exit code 2. With "auto" all is well."""
    pytest.importorskip("xformers")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert execute(["recipes", "check", str(recipe)]) == 2
    line = recipe.read_text().splitlines().index('attention = "xformers"') + 1
    told = capsys.readouterr().err
    assert told.startswith(f"{recipe}:{line}: backbone: {REFUSED}")
    assert "device=cpu (supported: {'cuda'})" in told
    assert '"auto" takes SDPA, which gives the same numbers' in told
    assert recipe_problems(recipe, ["backbone.attention=auto"]) == []
    auto = recipe.with_name("auto.toml")
    auto.write_text(recipe.read_text().replace('"xformers"', '"auto"'))
    assert recipe_problems(auto, ["backbone.attention=xformers"])[0].startswith("--set: backbone: attention")


def test_training_refuses(recipe, tmp_path, monkeypatch):
    """Before the first step, with the same reason."""
    stand_in(monkeypatch, refuse)
    assert REFUSED in message(go, recipe, tmp_path / "run", SHORT)
    assert not (tmp_path / "run").exists()


def test_restoring_warns_once_and_gives_the_same(weights, monkeypatch):
    """SDPA takes its place: one warning when the weights are loaded, and the picture of a machine that has xformers."""
    observed = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    stand_in(monkeypatch, by_sdpa)
    wanted = i2sbkit.load(weights, "cpu").restore(observed)
    stand_in(monkeypatch, refuse)
    with pytest.warns(UserWarning) as caught:
        restored = i2sbkit.load(weights, "cpu").restore(observed)
    (warning,) = caught
    assert str(warning.message).startswith(f"adm.safetensors: restoring goes on without, as {REFUSED}")
    assert warning.filename == __file__
    torch.testing.assert_close(restored, wanted)


def test_the_command_shows_the_warning(weights, tmp_path, monkeypatch, capsys):
    """`restore` writes the picture and says on stderr what it did without."""
    stand_in(monkeypatch, refuse)
    i2sbkit.to_pil(torch.zeros(3, 16, 16)).save(tmp_path / "in.png")
    files = [str(tmp_path / name) for name in ("in.png", "out.png")]
    assert execute(["restore", *files, "--weights", str(weights), "--device", "cpu"]) == 0
    assert f"warning: adm.safetensors: restoring goes on without, as {REFUSED}" in capsys.readouterr().err
    assert (tmp_path / "out.png").exists()


def test_backbones_need_not_answer(tiny_weights):
    """By default a backbone asks for nothing: any device will do."""
    assert read_weights(tiny_weights).recipe.parts.backbone.check_device(CPU) is None


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_adm_trains(recipe, tmp_path, precision):
    """Two steps at toy size, activations checkpointed, in half precision too; what is written restores."""
    options = ["backbone.attention=auto", "backbone.checkpoint_activations=true", "backbone.dropout=0.1"]
    options += [f"train.precision={precision}", "train.iterations=2", SHORT]
    done = go(recipe, tmp_path / "run", *options)
    fresh = Trainer(load_recipe(recipe, options), CPU).net.state_dict()
    trained = i2sbkit.load(done["weights"], "cpu")
    moved = [name for name, tensor in trained.net.state_dict().items() if not torch.equal(tensor, fresh[name])]
    assert "out.2.weight" in moved
    assert trained.restore(torch.zeros(3, 20, 12), precision=precision).isfinite().all()


def test_a_dry_run_sees_what_checkpointing_saves(recipe):
    """The estimate is made without computing, and is lower where blocks are computed again."""
    kept, again = (
        plan(load_recipe(recipe, ["backbone.attention=auto", f"backbone.checkpoint_activations={flag}"]), recipe)
        for flag in ("false", "true")
    )
    assert kept["parameters"] == again["parameters"]
    assert again["memory_mb"] < kept["memory_mb"]
