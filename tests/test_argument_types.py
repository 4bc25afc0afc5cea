"""Values of a wrong type are an Error that names them, wherever Python lets one be given."""

import numpy as np
import pytest
from fake_plugins import message
from pictures import photo

from i2sbkit import Error, load, load_recipe, train, trajectory
from i2sbkit.cli import execute
from i2sbkit_plugins.sde import Sde


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"nfe": 1.5}, "nfe must be int or None, got 1.5"),
        ({"nfe": "3"}, "nfe must be int or None, got '3'"),
        ({"sampler": 3}, "sampler must be str or Sampler or None, got 3"),
        ({"sampler": Sde}, "sampler must be str or Sampler or None, got <class"),
        ({"eta": "0.5"}, "eta must be float or None, got '0.5'"),
        ({"seed": None}, "seed must be int, got None"),
        ({"tile": 64.0}, "tile must be int or None, got 64.0"),
        ({"precision": 16}, "precision must be str, got 16"),
        ({"effort": 1}, "effort must be str or None, got 1"),
        ({"consistency": True}, "consistency must be str or None, got True"),
        ({"samples": 2.0}, "samples must be at least 1, a whole number, got 2.0"),
    ],
)
def test_a_value_of_another_type_is_told(model, settings, says):
    """What was given, and what is taken."""
    with pytest.raises(Error, match=says):
        model.restore(photo(16, 16), **settings)


def test_numbers_of_numpy_are_numbers(model):
    """And a whole one is any number."""
    image, mine = photo(16, 16), {"nfe": 3, "sampler": "dbim", "seed": 2, "tile": 0}
    numpys = {"nfe": np.int64(3), "sampler": "dbim", "seed": np.uint8(2), "tile": np.int32(0), "samples": np.int64(1)}
    assert model.restore(image, eta=1, **mine) == model.restore(image, eta=np.float32(1), **numpys)


@pytest.mark.parametrize("given", [5, None, b"tiny", ["tiny"], ""])
def test_what_is_no_recipe_and_no_weights_is_told(given, tmp_path):
    """Nor is an empty text, which would be the current folder."""
    for read in (lambda: load_recipe(given), lambda: train(given, tmp_path / "run")):
        assert message(read) == f"a recipe is the path of a .toml file or a name, got {given!r}"
    for read in (lambda: load(given), lambda: trajectory(given, photo(16, 16))):
        assert message(read) == f"weights are a file, a run folder or a bundled task, got {given!r}"


@pytest.mark.parametrize("overrides", ["train.batch=8", 5, None, [5], b"train.batch=8"])
def test_overrides_that_are_no_list_of_texts_are_told(overrides, tiny_recipe):
    """A text alone would be taken letter by letter."""
    assert "train.batch=8" in message(load_recipe, tiny_recipe, overrides)


def test_an_empty_name_is_no_folder(tiny_recipe, tmp_path, monkeypatch, capsys):
    """Nor is what is no path: in Python and on the command line nothing is written to the current folder."""
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    for given in ("", None, 5):
        assert message(train, str(tiny_recipe), given) == f"run is the folder to train in, got {given!r}"
    assert "resume is auto, never" in message(train, str(tiny_recipe), "run", "cpu", None)
    for option in ("--out", "--init-from"):
        assert execute(["train", str(tiny_recipe), option, ""]) == 2
    assert "is empty" in capsys.readouterr().err
    assert set(tmp_path.iterdir()) == before
