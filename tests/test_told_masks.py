"""Holes by colour, and how what is restored fades into what is known."""

import numpy as np
import pytest
import torch
from pictures import photo, pixels
from PIL import ExifTags, Image
from working_weights import working_weights

from i2sbkit import Error
from i2sbkit.cli import execute
from i2sbkit.observing import faded
from i2sbkit.sources.masks import PictureMasks


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


def test_a_colour_that_is_nowhere_is_told(run):
    """The picture comes back as it was, and a line says why."""
    photo(8, 8).save("a.png")
    code, err = run("a.png", "out.png", "--mask-color", "#ff00fe")
    assert code == 0
    assert "warning: a.png: no pixel has just the mask's colour" in err


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


def test_the_mask_of_the_same_folder(run, tmp_path):
    """Of masks of one stem it is the one with the picture's path; at the top lies that of the top."""
    holes = {"": 4, "a": 8, "b": 12}
    for folder, side in holes.items():
        tmp_path.joinpath("in", folder).mkdir(parents=True)
        tmp_path.joinpath("masks", folder).mkdir(parents=True)
        photo(20, 16).save(tmp_path / "in" / folder / "x.png")
        Image.fromarray(np.uint8(255) * (np.arange(320).reshape(16, 20) < 20 * side)).save(
            tmp_path / "masks" / folder / "x.png"
        )
    assert run("in", "out", "--mask", "masks") == (0, "")
    for folder, side in holes.items():
        changed = (pixels(tmp_path / "out" / folder / "x.png") != pixels(tmp_path / "in" / folder / "x.png")).any(
            axis=2
        )
        assert changed[:side].mean() > 0.9
        assert not changed[side:].any()


def test_a_mask_is_turned_as_its_picture(tmp_path):
    """The EXIF orientation of a mask counts, as that of a picture does."""
    exif, white = Image.Exif(), np.zeros((2, 3), np.uint8)
    exif[ExifTags.Base.Orientation] = 6
    white[0, 0] = 255
    Image.fromarray(white).save(tmp_path / "m.png", exif=exif)
    assert PictureMasks((tmp_path / "m.png",)).read(0).tolist() == [[False, True], [False, False], [False, False]]


def test_no_other_decoder_is_let_loose_on_a_mask(tmp_path):
    """What Pillow knows beside the formats of pictures, as EPS by Ghostscript, is no mask."""
    photo(8, 8).save(tmp_path / "m.png", "PPM")
    with pytest.raises(Error, match=r"m\.png: not a readable mask"):
        PictureMasks((tmp_path / "m.png",)).read(0)


@pytest.mark.parametrize(("name", "says"), [("sr4x", "keep the size"), ("jpeg", "nothing says where")])
def test_a_feather_without_holes_is_told(run, tmp_path, name, says):
    """Where nothing can be missing there is nothing to fade around."""
    photo(8, 8).save("a.png")
    code, err = run(
        "a.png", "out.png", "--feather", "2", weights=working_weights(tmp_path / "w.safetensors", name=name)
    )
    assert code == 2
    assert says in err
