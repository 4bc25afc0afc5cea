"""The built-in loggers: TensorBoard against the real package, Weights & Biases against a stand-in."""

import sys
import types

import pytest
import torch

import i2sbkit
from i2sbkit.kernel import registry


def logger(name, run):
    """A logger made as training makes it."""
    return registry.default().get("logger", name).factory(run)


def test_both_are_loggers_found_by_their_entry_points():
    """`log.loggers` may name them."""
    assert {"tensorboard", "wandb"} <= set(registry.default().names("logger"))


def events(run):
    """What TensorBoard would show of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    found.Reload()
    return found


def test_tensorboard_gets_scalars_and_pictures(tmp_path):
    """Numbers at their steps; pictures in [-1, 1] as clamped RGB."""
    with_picture = logger("tensorboard", tmp_path)
    assert isinstance(with_picture, i2sbkit.Logger)
    with_picture.log(10, {"loss": 0.5, "lr": 1e-3})
    with_picture.log(20, {"loss": 0.25})
    with_picture.picture(20, "validation", torch.tensor([-3.0, 0.0, 1.0]).reshape(3, 1, 1).expand(3, 4, 6))
    with_picture.close()
    found = events(tmp_path)
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(10, 0.5), (20, 0.25)]
    (picture,) = found.Images("validation")
    assert (picture.step, picture.height, picture.width) == (20, 4, 6)
    import io

    from PIL import Image

    assert Image.open(io.BytesIO(picture.encoded_image_string)).getpixel((0, 0)) == (0, 127, 255)


def test_tensorboard_forgets_what_a_resumed_run_repeats(tmp_path):
    """A run that goes on from step 10 shows no value of the steps beyond that were lost."""
    for reports in ([(10, 1.0), (20, 2.0), (30, 3.0)], [(20, 5.0)]):
        one = logger("tensorboard", tmp_path)
        for step, loss in reports:
            one.log(step, {"loss": loss})
        one.close()
    assert [(event.step, event.value) for event in events(tmp_path).Scalars("loss")] == [(10, 1.0), (20, 5.0)]


def test_tensorboard_that_never_reported_leaves_nothing(tmp_path):
    """A run that stops before its first report leaves no event file."""
    logger("tensorboard", tmp_path).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_missing_package_names_the_extra(name, tmp_path, monkeypatch):
    """Without the third-party package the error says what to install."""
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(i2sbkit.Error, match=rf'pip install "i2sbkit\[{name}\]"'):
        logger(name, tmp_path)


class FakeRun:
    """A run of wandb that notes what is asked of it."""

    def __init__(self, **options):
        self.options, self.id = options, options["id"] or "id-1"
        self.logged, self.metrics, self.finished = [], [], False

    def define_metric(self, name, step_metric):
        self.metrics.append((name, step_metric))

    def log(self, values):
        self.logged.append(values)

    def finish(self):
        self.finished = True


@pytest.fixture
def wandb(monkeypatch):
    """A stand-in for the package; `runs` are those started."""
    module = types.ModuleType("wandb")
    module.runs = []
    module.Error = type("Error", (Exception,), {})
    module.Image = lambda pixels: ("image", pixels)
    module.init = lambda **options: module.runs.append(FakeRun(**options)) or module.runs[-1]
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    return module


def test_wandb_gets_numbers_and_pictures(wandb, tmp_path):
    """Each report carries its own step; pictures are 8-bit RGB; close finishes the run."""
    run = tmp_path / "jpeg10"
    run.mkdir()
    one = logger("wandb", run)
    assert isinstance(one, i2sbkit.Logger)
    one.log(10, {"loss": 0.5})
    one.picture(10, "validation", torch.tensor([-3.0, 0.0, 1.0]).reshape(3, 1, 1).expand(3, 4, 6))
    one.close()
    (started,) = wandb.runs
    assert started.options["dir"] == str(run)
    assert (started.options["project"], started.options["name"]) == ("i2sbkit", "jpeg10")
    assert started.metrics == [("*", "step")]
    numbers, picture = started.logged
    assert numbers == {"step": 10, "loss": 0.5}
    assert picture["step"] == 10
    kind, pixels = picture["validation"]
    assert (kind, pixels.size, pixels.mode) == ("image", (6, 4), "RGB")
    assert pixels.getpixel((0, 0)) == (0, 128, 255)
    assert started.finished


def test_wandb_goes_on_under_the_same_id(wandb, tmp_path, monkeypatch):
    """The first start has no id of its own, a resumed run has the first one's; the environment names the project."""
    logger("wandb", tmp_path).close()
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    logger("wandb", tmp_path).close()
    first, second = (started.options for started in wandb.runs)
    assert (first["id"], second["id"]) == (None, "id-1")
    assert first["resume"] == second["resume"] == "allow"
    assert second["project"] == "mine"


def test_wandb_that_cannot_start_says_what_to_type(wandb, tmp_path):
    """No key, no network: an error with the two ways out, and no id remembered."""

    def refuse(**options):
        raise wandb.Error("No API key configured.")

    wandb.init = refuse
    with pytest.raises(i2sbkit.Error, match="No API key configured; try `wandb login`, or WANDB_MODE=offline"):
        logger("wandb", tmp_path)
    assert list(tmp_path.iterdir()) == []
