"""Data consistency for JPEG files: estimates go into the cells of the file's own quantiser."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from exact import images
from pictures import exif_with, photo
from PIL import Image
from working_weights import working_weights

import i2sbkit
from i2sbkit import NotLinear, Observation
from i2sbkit.cli import execute
from i2sbkit.pictures.files import read_picture
from i2sbkit_plugins.jpeg import Jpeg
from i2sbkit_plugins.jpeg_blocks import coefficients
from i2sbkit_plugins.jpeg_cells import read_cells
from i2sbkit_plugins.jpeg_i2sb import JpegI2sb


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return i2sbkit.load(working_weights(tmp_path_factory.mktemp("w") / "jpeg.safetensors", name="jpeg"), "cpu")


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("quality", [5, 30, 90])
def test_jpeg_cells_are_exact(quality, subsampling):
    """Whatever the estimate, its luma's coefficients then quantise to the file's; projecting again changes nothing."""
    image, file = photo(64, 48), io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=subsampling)
    cells = read_cells(file.getvalue())
    assert len(cells.planes) == 3
    found = cells.projected(images(3, 48, 64, seed=1))
    luma = torch.einsum("c,chw->hw", torch.tensor([0.299, 0.587, 0.114]).double(), (found + 1) * 127.5) - 128
    beyond = (coefficients(luma) - cells.planes[0].middle).abs() - cells.planes[0].half
    assert beyond.max() < 1e-3
    torch.testing.assert_close(cells.projected(found), found, atol=1e-5, rtol=0)
    clean = i2sbkit.from_pil(image)
    assert (cells.projected(clean) - clean).square().mean().sqrt() < 0.3 / 127.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_is_projected_upright(orientation, tmp_path):
    """What a file decodes to, upright, is in its own cells, and hardly moves."""
    exif, file = i2sbkit.to_pil(torch.zeros(3, 8, 8)).getexif(), tmp_path / "turned.jpg"
    exif[0x0112] = orientation
    photo(48, 32).save(file, quality=30, exif=exif)
    upright = read_picture(file).image
    moved = read_cells(file.read_bytes()).projected(upright) - upright
    assert moved.square().mean().sqrt() < 0.02


def test_the_command_line_takes_jpeg_files(model, tmp_path, monkeypatch, capsys):
    """`--consistency ddnm` changes the result of a .jpg; a .png has no quantiser, which is one line of error."""
    monkeypatch.chdir(tmp_path)
    photo(32, 32).save("a.jpg", quality=20)
    photo(32, 32).save("a.png")
    line = ["--weights", str(model.weights.path), "--device", "cpu", "--format", "png"]
    assert execute(["restore", "a.jpg", "plain.png", *line]) == 0
    assert execute(["restore", "a.jpg", "near.png", *line, "--consistency", "ddnm"]) == 0
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "near.png").read_bytes()
    assert execute(["restore", "a.png", "no.png", *line, "--consistency", "ddnm"]) == 1
    assert "only a JPEG file says" in capsys.readouterr().err
    assert execute(["restore", "a.jpg", "no.png", *line, "--consistency", "dps"]) == 2
    assert "there are cddb, cddb-deep, ddnm" in capsys.readouterr().err


def test_networks_of_the_authors_jpeg_take_files_too():
    """`jpeg-i2sb` was trained on another codec; a file's cells are the file's."""
    file = io.BytesIO()
    photo(37, 29).save(file, "JPEG", quality=20)
    x = images(3, 29, 37, seed=1)
    y = Observation(x, params={"file": file.getvalue()})
    assert torch.equal(JpegI2sb(quality=10).projection(y)(x), Jpeg(quality=10).projection(y)(x))
    with pytest.raises(NotLinear, match="only a JPEG file"):
        JpegI2sb(quality=10).projection(Observation(x))


def test_python_takes_a_jpeg_as_it_was_opened(model, tmp_path, monkeypatch):
    """Of a path or a file, loaded or not: as on the command line. Pixels that were changed are no longer the file's."""
    monkeypatch.chdir(tmp_path)
    photo(32, 32).save("a.jpg", quality=20)
    line = ["--weights", str(model.weights.path), "--device", "cpu", "--format", "png"]
    assert execute(["restore", "a.jpg", "near.png", *line, "--consistency", "ddnm"]) == 0
    near = np.asarray(Image.open("near.png"))
    with Image.open("a.jpg") as by_path, Image.open(io.BytesIO(Path("a.jpg").read_bytes())) as by_file:
        for image in (by_file, by_path):
            assert np.array_equal(np.asarray(model.restore(image, consistency="ddnm")), near)
    assert np.array_equal(np.asarray(model.restore(by_path, consistency="ddnm")), near)
    by_path.putpixel((3, 3), (255, 0, 0))
    for changed in (by_path, by_path.copy()):
        with pytest.raises(NotLinear, match="only a JPEG file says"):
            model.restore(changed, consistency="ddnm")
    photo(32, 32).save("turned.jpg", quality=20, exif=exif_with(6))
    with Image.open("turned.jpg") as turned, pytest.raises(NotLinear, match="only a JPEG file says"):
        model.restore(turned, consistency="ddnm")


def test_a_method_that_does_not_fit_names_the_one_that_does(model):
    """A JPEG has cells and no linear operator."""
    file = io.BytesIO()
    photo(32, 32).save(file, "JPEG", quality=20)
    with Image.open(file) as image, pytest.raises(NotLinear, match="no operator; take ddnm"):
        model.restore(image, consistency="cddb")
