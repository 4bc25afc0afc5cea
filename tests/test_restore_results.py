"""What `i2sbkit restore` makes: files at their place, draws, spread, trajectory, and what the settings change."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import photo, pixels
from PIL import Image
from restore_command import everything

import i2sbkit
from i2sbkit.bulk.files import spread
from i2sbkit.restoring import Settings


def test_a_nested_folder(here, restore):
    """Each picture lands at its relative path, in its size and format; stdout lists the files, nothing else."""
    code, out, err = restore("in", "out")
    assert code == 0
    assert everything("out") == everything("in")
    assert sorted(out.splitlines()) == sorted(f"out/{name}" for name in everything("in"))
    assert err == ""
    for name in everything("in"):
        with Image.open(f"in/{name}") as before, Image.open(f"out/{name}") as after:
            assert (after.size, after.format, after.mode) == (before.size, before.format, before.mode)


def test_one_file_and_several_inputs(here, restore):
    """A file to a file of any format; files and folders together into a folder."""
    assert restore("in/a.png", "new folder/x.webp")[0] == 0
    assert restore("in/a.png", "in/sub", "out")[0] == 0
    assert everything("out") == ["a.png", "b c.JPG", "ü/d.webp"]
    assert np.array_equal(pixels("new folder/x.webp"), pixels("out/a.png"))


def test_the_same_file_gives_the_same_bytes(here, restore):
    """Alone, in a folder, under another name, in another order: the content decides."""
    (here / "in/zz.png").write_bytes((here / "in/a.png").read_bytes())
    assert restore("in", "all")[0] == 0
    assert restore("in/zz.png", "in/one.bmp", "in/a.png", "turned")[0] == 0
    assert restore("in/a.png", "alone.png")[0] == 0
    names = ("all/a.png", "all/zz.png", "turned/zz.png", "turned/a.png", "alone.png")
    first, *others = ((here / name).read_bytes() for name in names)
    assert all(other == first for other in others)


def test_seed_nfe_sampler_and_eta(here, restore):
    """Each setting changes the picture; the default seed is 0."""
    settings = ["", "--seed 0", "--seed 1", "--nfe 5", "--sampler dbim --nfe 5", "--sampler dbim --nfe 5 --eta 0.5"]
    pictures = []
    for number, options in enumerate(settings):
        assert restore("in/a.png", f"{number}.png", *options.split())[0] == 0
        pictures.append(pixels(f"{number}.png").astype(int))
    default, again, *others = pictures
    assert np.array_equal(default, again)
    assert all(abs(a - b).max() > 3 for a, b in combinations([default, *others], 2))


def test_tiles(here, restore):
    """--tile does not change the picture but by rounding."""
    photo(90, 70).save("big.png")
    assert restore("big.png", "whole.png", "--tile", 0)[0] == 0
    assert restore("big.png", "tiles.png", "--tile", 16)[0] == 0
    assert abs(pixels("whole.png").astype(int) - pixels("tiles.png")).max() <= 1


def test_samples_are_numbered(here, restore):
    """--samples 3 writes three distinct draws; the first equals the single run; stdout names what was written."""
    assert restore("in/a.png", "single.png")[0] == 0
    code, out, _ = restore("in/a.png", "out", "--samples", 3)
    assert code == 0
    assert out.splitlines() == ["out/a.1.png", "out/a.2.png", "out/a.3.png"] == [f"out/{n}" for n in everything("out")]
    assert Path("out/a.1.png").read_bytes() == Path("single.png").read_bytes()
    draws = [pixels(f"out/a.{k}.png").astype(int) for k in (1, 2, 3)]
    assert all(abs(draws[i] - draws[j]).max() > 5 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_spread_is_the_standard_deviation(here, restore, weights):
    """--spread: the draws' deviation over colours, black for 0, white for 64 of 255 levels, as a PNG beside them."""
    code, out, _ = restore("in/sub/b c.JPG", "out", "--samples", 4, "--spread")
    assert code == 0
    assert out.splitlines()[-1] == "out/b c.spread.png"
    restorer = i2sbkit.load(weights / "x1.safetensors", "cpu").restorer(Settings())
    y = i2sbkit.Observation(i2sbkit.from_pil(Image.open("in/sub/b c.JPG")))
    draws = np.stack([restorer.pictures([y], k)[0].clamp(-1, 1).numpy() for k in range(4)]).astype(float)
    levels = np.sqrt((draws.std(axis=0, ddof=1) ** 2).mean(axis=0)) * 127.5
    expected = (levels / 63.75 * 255).clip(0, 255)
    assert abs(pixels("out/b c.spread.png").astype(float) - expected[..., None]).max() <= 0.51


def test_spread_by_hand():
    """Two draws 0 and 0.2 apart: deviation 0.1 sqrt 2, that is 18 of 255 levels, 72 of 255 in the picture."""
    a = torch.zeros(3, 2, 2)
    b = torch.stack([torch.zeros(2, 2), torch.full((2, 2), 0.2), torch.full((2, 2), -0.2)])
    deviation = (2 / 3 * 0.02) ** 0.5
    torch.testing.assert_close(spread([a, b]), torch.full((3, 2, 2), deviation / 0.25 - 1))
    assert (spread([a, a]) == -1).all()


def test_trajectory_is_a_strip(here, restore):
    """--trajectory: nfe + 1 pictures side by side, from the degraded one to the result."""
    code, out, _ = restore("in/a.png", "out", "--nfe", 3, "--trajectory")
    assert code == 0
    assert out.splitlines() == ["out/a.png", "out/a.trajectory.png"]
    strip = pixels("out/a.trajectory.png")
    assert strip.shape == (32, 40 * 4, 3)
    tiles = [strip[:, 40 * k : 40 * (k + 1)] for k in range(4)]
    assert np.array_equal(tiles[0], pixels("in/a.png"))
    assert np.array_equal(tiles[3], pixels("out/a.png"))
    assert not any(np.array_equal(tiles[k], tiles[k + 1]) for k in range(3))
    assert restore("in/a.png", "several", "--nfe", 3, "--trajectory", "--samples", 2)[0] == 0
    assert np.array_equal(pixels("several/a.trajectory.png"), strip)  # that of the first draw


def test_gray_stays_gray(here, restore):
    """A gray file gives a gray file, whatever else is written."""
    photo(24, 16).convert("L").save("gray.png")
    assert restore("gray.png", "out", "--samples", 2, "--spread")[0] == 0
    for name, mode in (("gray.1", "L"), ("gray.2", "L"), ("gray.spread", "RGB")):
        with Image.open(f"out/{name}.png") as file:
            assert file.mode == mode


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("plain", ["--sampler", "ode"], "trained as SDE"),
        ("plain", ["--sampler", "dbim", "--eta", "0.5"], "does not see x1"),
    ],
)
def test_a_bad_fit_is_one_warning(here, restore, kind, options, says):
    """One line on stderr for the whole folder; the work is done."""
    code, out, err = restore("in", "out", *options, kind=kind)
    assert code == 0
    assert len(out.splitlines()) == 4
    assert err.startswith("warning: ")
    assert says in err
    assert err.count("\n") == 1


def test_otode_weights(here, restore):
    """A stochastic sampler is refused naming ode; --force goes on and draws noise."""
    code, out, err = restore("in/a.png", "x.png", "--sampler", "sde", kind="otode")
    assert (code, out) == (2, "")
    assert "take the sampler ode, or force this one" in err
    assert restore("in/a.png", "ode.png", kind="otode")[0] == 0
    for seed in (0, 1):
        line = ["in/a.png", f"forced{seed}.png", "--sampler", "sde", "--force", "--seed", seed, "--nfe", 3]
        assert restore(*line, kind="otode")[0] == 0
    assert abs(pixels("forced0.png").astype(int) - pixels("forced1.png")).max() > 10
