"""A training run: what it writes, what it says, and how it stops when the numbers go wrong."""

import json
import threading

import pytest
import torch
from fake_plugins import message
from PIL import Image
from tiny_training import SHORT, TINY, assert_equal_bits, go, log, state, states, with_plugin

from i2sbkit.checkpoint import read_header, read_tensors
from i2sbkit.cli import execute
from i2sbkit.kernel import registry
from i2sbkit.recipe import load_recipe
from i2sbkit.reporting import JsonLines
from i2sbkit.training import train
from i2sbkit.training.trainer import Trainer


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of 20 steps and what `train` said of it."""
    folder = tmp_path_factory.mktemp("finished")
    folder.joinpath("r.toml").write_text(TINY)
    return folder / "run", go(folder / "r.toml", folder / "run", "train.save_every=5", "train.keep=2")


def test_the_log_has_the_numbers(finished):
    """Every tenth step: loss, rate, speed; at a validation the PSNR of the input and at each nfe."""
    run, _ = finished
    by_step = [(line["step"], set(line) - {"step", "time"}) for line in log(run)]
    numbers = {"loss", "grad_norm", "lr", "images_per_second"}
    pictures = {"psnr_input", "psnr_nfe1", "psnr_nfe2"}
    assert by_step == [(5, numbers), (10, numbers), (15, numbers), (20, numbers), (20, pictures)]
    assert all(value > 0 for line in log(run) for value in line.values())


def test_the_pictures_are_written(finished):
    """samples/: a row a picture, from the degraded over each nfe to the clean one."""
    run, _ = finished
    assert [path.name for path in (run / "samples").iterdir()] == ["step-00000020.png"]
    with Image.open(run / "samples" / "step-00000020.png") as sheet:
        assert (sheet.mode, sheet.size) == ("RGB", (4 * 32, 2 * 32))


def test_the_last_states_are_kept(finished):
    """`keep` of them, the newest; and nothing else lies in a run folder than what the design says."""
    run, _ = finished
    assert states(run) == [15, 20]
    names = {path.name for path in run.iterdir()} - {"state-00000015.safetensors", "state-00000020.safetensors"}
    assert names == {"recipe.toml", "log.jsonl", "weights.safetensors", "samples"}


def test_the_weights_are_the_averages(finished):
    """weights.safetensors holds the averages of the last state, with the step and what it was trained on."""
    run, result = finished
    tensors = state(run, 20)
    averages = {name.removeprefix("ema/"): tensor for name, tensor in tensors.items() if name.startswith("ema/")}
    assert_equal_bits(read_tensors(run / "weights.safetensors"), averages)
    assert any(not torch.equal(tensor, tensors[f"net/{name}"]) for name, tensor in averages.items())
    header = read_header(run / "weights.safetensors")
    assert (header["step"], header["data"]) == (20, read_header(run / "state-00000020.safetensors")["data"])
    assert result["weights"] == str(run / "weights.safetensors")


def test_train_says_what_it_did(finished):
    """Step, images, seconds and the last metrics come back."""
    _, result = finished
    assert (result["step"], result["images"]) == (20, 80)
    assert {"seconds", "loss", "lr", "psnr_nfe1", "psnr_nfe2"} <= result.keys()


def test_a_finished_run_says_so(finished, capsys):
    """The same command again does nothing, and says how to go on."""
    run, _ = finished
    before = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert go(run / "recipe.toml", run)["step"] == 20
    assert "done already: a higher train.iterations goes on" in capsys.readouterr().err.replace("\n", " ")
    assert {path: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_the_command_prints_data_only(tiny_recipe, tmp_path, monkeypatch, capsys):
    """On stdout the path of the weights, or what was done as JSON; the run folder is named after the recipe."""
    monkeypatch.chdir(tmp_path)
    words = ["train", str(tiny_recipe), "--set", "data.val=[]", "--set", "train.iterations=2", "--device", "cpu"]
    assert execute(words) == 0
    out, err = capsys.readouterr()
    assert out == "runs/tiny-test/weights.safetensors\n"
    assert "step 0 of 2, 1,443 parameters" in err
    assert execute([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 2


def test_the_same_seed_trains_the_same(tiny_recipe, tmp_path):
    """To the bit, however often it validates, saves or logs; another seed trains another network."""
    go(tiny_recipe, tmp_path / "a", "train.iterations=6", "data.val=[]")
    go(tiny_recipe, tmp_path / "b", "train.iterations=6", "train.val_every=2", "train.save_every=3")
    go(tiny_recipe, tmp_path / "c", "train.iterations=6", "data.val=[]", "train.seed=1")
    assert_equal_bits(state(tmp_path / "a", 6), state(tmp_path / "b", 6))
    one, other = state(tmp_path / "a", 6), state(tmp_path / "c", 6)
    assert not torch.equal(one["net/ending.weight"], other["net/ending.weight"])
    assert not (tmp_path / "a" / "samples").exists()


def test_a_loss_that_is_no_number_stops(tiny_recipe, tmp_path):
    """An Error that says what to try; the last good state stays."""
    told = message(go, tiny_recipe, tmp_path / "run", "train.lr=1e30", "train.save_every=1")
    assert "the last good state is kept. Try a lower train.lr, or train.clip = 1.0" in told
    saved = states(tmp_path / "run")
    assert saved and saved[-1] < 10
    assert all(torch.isfinite(tensor).all() for tensor in state(tmp_path / "run", saved[-1]).values())


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_no_bad_state_is_saved_between_reports(where, tiny_recipe, tmp_path, monkeypatch):
    """A loss or a gradient that breaks at step 13 is found before the state of step 15 is written."""
    honest = Trainer._loss

    def breaking(trainer, part):
        loss = honest(trainer, part)
        if trainer.step != 12:
            return loss
        return loss * torch.nan if where == "loss" else loss + (0 * loss).sqrt()  # its derivative: infinity times 0

    monkeypatch.setattr(Trainer, "_loss", breaking)
    assert "is nan at step 15" in message(go, tiny_recipe, tmp_path / "run", "train.save_every=5", "data.val=[]")
    assert states(tmp_path / "run") == [5, 10]


STRANGER = """
import i2sbkit, torch
calls = []
class Notes(i2sbkit.Logger):
    def __init__(self, run):
        calls.append(("made", run.name))
    def log(self, step, metrics):
        calls.append(("log", step, sorted(metrics)))
    def picture(self, step, name, image):
        calls.append(("picture", step, name, tuple(image.shape)))
    def close(self):
        calls.append(("closed",))
class Hole(i2sbkit.Corruption):
    def corrupt(self, x0, rng):
        mask = torch.zeros_like(x0[:1])
        mask[:, 4:12, 4:12] = 1
        return i2sbkit.Observation(torch.where(mask > 0, 1.0, x0), mask)
    def lift(self, y, rng):
        return torch.where(y.mask > 0, torch.randn(y.image.shape, generator=rng), y.image)
@i2sbkit.hookimpl
def loggers():
    return {"notes": Notes}
@i2sbkit.hookimpl
def corruptions():
    return {"hole": Hole}
"""


@pytest.fixture
def stranger(monkeypatch):
    """A plugin with a logger and a masked corruption, installed for the test; what was asked of the logger."""
    found = with_plugin(STRANGER)
    monkeypatch.setattr(registry, "default", lambda: found)
    return found.get("logger", "notes").factory.__init__.__globals__["calls"]


def test_loggers_of_the_recipe_are_called(stranger, tiny_recipe, tmp_path):
    """Made with the run folder, given every report and picture, closed at the end."""
    go(tiny_recipe, tmp_path / "run", 'log.loggers=["notes"]')
    numbers = ["grad_norm", "images_per_second", "loss", "lr"]
    assert stranger == [
        ("made", "run"),
        ("log", 10, numbers),
        ("log", 20, numbers),
        ("log", 20, ["psnr_input", "psnr_nfe1", "psnr_nfe2"]),
        ("picture", 20, "validation", (3, 64, 128)),
        ("closed",),
    ]


def test_loggers_are_closed_after_an_error(stranger, tiny_recipe, tmp_path):
    """Whatever ends the training."""
    message(go, tiny_recipe, tmp_path / "run", 'log.loggers=["notes"]', "train.lr=1e30")
    assert stranger[-1] == ("closed",)


def test_a_masked_corruption_trains(stranger, tiny_recipe, tmp_path):
    """Masks go from the corruption through the loss to the validation, which leaves known pixels as they are."""
    tiny_recipe.write_text(TINY.replace('name = "jpeg"\nquality = 10', 'name = "hole"'))
    go(tiny_recipe, tmp_path / "run", "train.iterations=2", "data.val_size=16", "train.val_nfe=[1]")
    with Image.open(tmp_path / "run" / "samples" / "step-00000002.png") as sheet:
        pixels = torch.frombuffer(bytearray(sheet.tobytes()), dtype=torch.uint8).reshape(32, 48, 3)[:16]
    _, restored, clean = pixels.split(16, dim=1)
    wrong = (restored != clean).any(dim=2)
    assert wrong[4:12, 4:12].any()
    wrong[4:12, 4:12] = False
    assert not wrong.any()


def test_nfe_that_cannot_be_is_told_before_training(tiny_recipe, tmp_path):
    """A schedule of 20 nodes has no 20 steps: that is known at once, and nothing is written."""
    told = message(go, tiny_recipe, tmp_path / "run", "train.val_nfe=[1, 20]")
    assert told == "train.val_nfe: 20: nfe must be between 1 and 19 on this schedule, got 20"
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_cannot_be(tiny_recipe):
    """--out that names a file is an Error."""
    assert "no folder to write to" in message(go, tiny_recipe, tiny_recipe)


def test_training_in_a_thread(tiny_recipe, tmp_path):
    """Away from the main thread, where Python takes no signal handlers, training works all the same."""
    thread = threading.Thread(target=go, args=(tiny_recipe, tmp_path / "run", "train.iterations=2", "data.val=[]"))
    thread.start()
    thread.join()
    assert states(tmp_path / "run") == [2]


def test_the_folder_may_be_a_text_and_the_device_be_left_out(tiny_recipe, tmp_path):
    """In Python, as `load` has it: `train(recipe, "runs/x")`; a device that is not there is told."""
    recipe, run = load_recipe(tiny_recipe, ["train.iterations=1", SHORT]), f"{tmp_path}/run"
    assert train(recipe, run)["weights"] == f"{run}/weights.safetensors"
    assert train(recipe, run, "cpu")["step"] == 1
    assert "device 'gpu' cannot be used here" in message(train, recipe, run, "gpu")


def test_the_recipe_may_be_its_path_or_name(tiny_recipe, tmp_path):
    """As with `load`; a name that is none is told with what to type."""
    path = tmp_path / "short.toml"
    path.write_text(load_recipe(tiny_recipe, ["train.iterations=1", SHORT]).to_toml())
    assert train(path, tmp_path / "one", "cpu")["step"] == 1
    assert train(str(path), tmp_path / "two", "cpu")["step"] == 1
    assert "did you mean 'jpeg10'" in message(train, "jpeg11", tmp_path / "three")


def test_infinite_numbers_are_null_in_the_log(tmp_path):
    """The PSNR of equal pictures is infinite, which JSON cannot say."""
    JsonLines(tmp_path).log(1, {"psnr_input": float("inf"), "loss": 0.5})
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    found = json.loads(line, parse_constant=pytest.fail)
    assert (found["psnr_input"], found["loss"]) == (None, 0.5)
