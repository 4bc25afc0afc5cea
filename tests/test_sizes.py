"""Pictures of any size through the command and in Python: a pixel, a line, a strip, tens of megapixels."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from pictures import pixels
from PIL import Image
from working_weights import working_weights

import i2sbkit
from i2sbkit.tiling import Tiling, tiled

STRANGE = [(1, 1), (1, 2), (2, 1), (1, 37), (13, 1), (5000, 1), (1, 5000), (17, 31), (255, 3)]


def noise(width, height):
    """A picture unlike any other."""
    values = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def test_strange_sizes_on_the_command_line(here, restore):
    """Each comes back in its size, and in tiles as without, but for rounding."""
    for width, height in STRANGE:
        (here / "strange").mkdir(exist_ok=True)
        noise(width, height).save(f"strange/{width}x{height}.png")
    assert restore("strange", "whole", "--tile", 0)[0] == 0
    assert restore("strange", "tiles", "--tile", 16)[0] == 0
    assert restore("strange", "chosen")[0] == 0
    for width, height in STRANGE:
        name = f"{width}x{height}.png"
        whole = pixels(f"whole/{name}").astype(int)
        assert whole.shape == (height, width, 3)
        assert abs(pixels(f"tiles/{name}") - whole).max() <= 1
        assert np.array_equal(pixels(f"chosen/{name}"), whole)


@pytest.mark.parametrize("size", STRANGE)
def test_strange_sizes_in_python(model, size):
    """The same type and size back, in tiles too."""
    image = noise(*size)
    result = model.restore(image, nfe=2, tile=16)
    assert isinstance(result, Image.Image)
    assert result.size == size
    x = i2sbkit.from_pil(image)
    torch.testing.assert_close(model.restore(x, nfe=2, tile=16), model.restore(x, nfe=2, tile=0), atol=1e-4, rtol=0)


def test_a_strip_is_cut_along_its_length(model, monkeypatch):
    """5000 x 1 is more than one small tile, so the tests above do cut."""
    shapes, forward = [], model.net.forward
    monkeypatch.setattr(model.net, "forward", lambda x, t: shapes.append(x.shape) or forward(x, t))
    model.restore(i2sbkit.from_pil(noise(5000, 1)), nfe=1, tile=16)
    assert len(shapes) > 2


@pytest.mark.slow
def test_a_hundred_megapixels():
    """Every pixel is evaluated once: a network that adds 1 adds 1 everywhere."""
    x = torch.zeros(1, 1, 10_000, 10_000)
    x[..., ::997, ::991] = 5
    result = tiled(lambda seen, n: seen + n, Tiling(1500, 112, 16))(x, 1)
    assert torch.equal(result, x + 1)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs what a process took")
@pytest.mark.parametrize("options", ["--nfe 2", "--nfe 2 --sampler ode"])
def test_24_megapixels_take_at_most_3_5_gigabytes(tmp_path, options):
    """Of memory at the most, the reading and writing of the file and torch itself included."""
    weights = working_weights(tmp_path / "w.safetensors", "backbone.width=4")
    noise(6000, 4000).save(tmp_path / "in.png", compress_level=1)
    command = [sys.executable, "-m", "i2sbkit", "restore", tmp_path / "in.png", tmp_path / "out.png"]
    process = subprocess.Popen([*command, "--weights", weights, "--device", "cpu", *options.split()])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # else Popen warns that it never saw the end
    assert process.returncode == 0
    assert used.ru_maxrss * 1024 < 3.5e9
    with Image.open(tmp_path / "out.png") as out:
        assert out.size == (6000, 4000)
