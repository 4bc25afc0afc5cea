"""Holes by colour, and how what is restored fades into what is known."""

import numpy as np
import pytest
import torch
from pictures import photo, pixels
from PIL import Image
from working_weights import working_weights

from i2sbkit.cli import execute
from i2sbkit.observing import faded


@pytest.fixture(scope="module")
def inpaint(tmp_path_factory):
    """Weights of the shipped recipe for inpainting, small and untrained."""
    return working_weights(tmp_path_factory.mktemp("told") / "inpaint.safetensors", name="inpaint")


@pytest.fixture
def run(inpaint, tmp_path, monkeypatch, capsys):
    """Restore; exit code and stderr."""
    monkeypatch.chdir(tmp_path)

    def restore(*line, weights=inpaint):
        code = execute(["restore", *line, "--weights", str(weights), "--device", "cpu"])
        return code, capsys.readouterr().err

    return restore


def marked():
    """A picture with a square painted magenta, and where that is."""
    image, hole = np.array(photo(40, 32)), np.zeros((32, 40), bool)
    hole[8:20, 10:30] = True
    image[hole] = (255, 0, 255)
    return Image.fromarray(image), hole


@pytest.mark.parametrize("color", ["#ff00ff", "magenta", "rgb(255, 0, 255)"])
def test_a_colour_marks_what_is_missing(run, color):
    """Pixels of just that colour are filled; all others come back bit for bit."""
    image, hole = marked()
    image.save("marked.png")
    assert run("marked.png", "out.png", "--mask-color", color) == (0, "")
    out = pixels("out.png")
    assert np.array_equal(out[~hole], np.asarray(image)[~hole])
    assert (out[hole] != (255, 0, 255)).any(axis=1).mean() > 0.95


def test_a_colour_and_a_mask_add_up(run):
    """What either says is missing is filled."""
    image, hole = marked()
    image.save("marked.png")
    other = np.zeros((32, 40), bool)
    other[24:30, 2:8] = True
    Image.fromarray((other * 255).astype(np.uint8)).save("mask.png")
    assert run("marked.png", "out.png", "--mask-color", "magenta", "--mask", "mask.png") == (0, "")
    changed = (pixels("out.png") != np.asarray(image)).any(axis=2)
    assert changed[hole].mean() > 0.95
    assert changed[other].mean() > 0.9
    assert not changed[~(hole | other)].any()


def test_what_is_no_colour_is_told(run):
    """With how to write one."""
    photo(8, 8).save("a.png")
    code, err = run("a.png", "out.png", "--mask-color", "purplish")
    assert code == 2
    assert "no colour 'purplish'" in err


def test_a_feather_fades_around_the_hole(run):
    """Pixels up to PX away change, less with the distance; beyond, all is known and comes back bit for bit."""
    image, hole = marked()
    image.save("marked.png")
    assert run("marked.png", "out.png", "--mask-color", "magenta", "--feather", "4") == (0, "")
    share = faded(torch.from_numpy(hole)[None].float(), 4)[0].numpy()
    assert np.unique(share).tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    changed = (pixels("out.png").astype(int) != np.asarray(image)).any(axis=2)
    assert not changed[share == 0].any()
    assert changed[(share > 0) & ~hole].mean() > 0.9


def test_a_mask_with_super_resolution_is_told(run, tmp_path):
    """Known pixels have no place in an enlarged picture."""
    weights = working_weights(tmp_path / "sr.safetensors", name="sr4x")
    photo(8, 8).save("a.png")
    code, err = run("a.png", "out.png", "--mask", "a.png", weights=weights)
    assert code == 2
    assert "keep the size of a picture" in err
