"""Tiles: a picture does not depend on how it was cut up, where the network sees only so far."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pictures import photo
from strategies import exact
from working_weights import OT_ODE, SDE, working_weights

import i2sbkit
from i2sbkit.kernel.algorithms import conditioned, padded
from i2sbkit.tiling import Tiling, tiled

DEEP = ("backbone.encoder=[1,1]", "backbone.decoder=[1,1]")  # halves twice: the grid of tiles matters
RECEPTIVE = 4


def box_blur(x, n=0):
    """A denoiser that sees exactly RECEPTIVE pixels far, zeros beyond the edge."""
    side = 2 * RECEPTIVE + 1
    return torch.nn.functional.avg_pool2d(x[:, :3], side, stride=1, padding=RECEPTIVE)


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("side", [16, 24, 29, 40])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (24, 48), (40, 8), (1, 1), (37, 51), (1, 300), (300, 2)])
def test_tiles_equal_the_whole(height, width, side, batch):
    """With a margin of the receptive field windows give what the whole gives, x1 beside x_n, several at once."""
    x_n, x1 = noise(2, 3, height, width), noise(2, 3, height, width) + 1

    def denoise(x, n):
        return box_blur(x[:, :3]) * box_blur(x[:, 3:]) + n

    denoise = padded(denoise, 8, 8)
    result = tiled(denoise, Tiling(side, RECEPTIVE, 8), x1=x1, batch=batch)(x_n, 7)
    torch.testing.assert_close(result, conditioned(denoise, x1)(x_n, 7), atol=1e-5, rtol=0)


def test_too_small_a_margin_shows():
    """The check above can fail: with half the margin the tiles do not fit."""
    x = noise(1, 3, 32, 32)
    result = tiled(box_blur, Tiling(16, RECEPTIVE // 2))(x, 0)
    assert (result - box_blur(x)).abs().max() > 1e-2


lengths = st.integers(1, 300)


@exact
@given(lengths, lengths, st.integers(12, 120), st.integers(0, 20), st.sampled_from([1, 2, 8, 16]), st.booleans())
def test_windows_cover_a_picture(height, width, side, margin, multiple_of, soft):
    """At any size: weights add up to 1, windows lie on the grid, and none is larger than asked if that is possible."""
    tiling, total = Tiling(side, margin, multiple_of, soft), torch.zeros(height, width)
    for rows, columns in tiling.windows(height, width):
        total[rows.pixels, columns.pixels] += rows.weight[:, None] * columns.weight
        assert rows.start % multiple_of == columns.start % multiple_of == 0
        if side >= 2 * margin + 2 * multiple_of:
            assert (rows.stop - rows.start) * (columns.stop - columns.start) <= side**2
    torch.testing.assert_close(total, torch.ones(height, width))


@exact
@given(lengths, st.integers(0, 20), st.sampled_from([1, 2, 8, 16]), st.booleans())
def test_what_is_near_a_cut_has_no_weight(length, margin, multiple_of, soft):
    """A window's pixels nearer than the margin to its end count nothing; blended windows fade out up to there."""
    reach = 0 if soft else margin
    for row, _ in Tiling(64, margin, multiple_of, soft).windows(length, 1000):
        before, after = row.weight[:reach], row.weight[len(row.weight) - reach :]
        assert row.start == 0 or not before.any()
        assert row.stop == length or not after.any()
        assert row.weight.min() > -1e-6


def test_blending_rises_like_a_cosine():
    """Over twice the margin, by hand: four pixels at (1 - cos(pi (k + 1/2) / 4)) / 2."""
    (_, first), (_, second) = Tiling(16, 2, soft=True).windows(1, 300)[:2]
    angles = torch.pi * (torch.arange(4) + 0.5) / 4
    middle = (first.stop + second.start) // 2 - second.start
    torch.testing.assert_close(second.weight[middle - 2 : middle + 2], (1 - angles.cos()) / 2)


def test_long_pictures_get_long_windows():
    """What one axis leaves of a square's area the other may take: a thin strip is one window."""
    assert len(Tiling(100, 10).windows(1, 5000)) == 1
    assert len(Tiling(100, 10).windows(5000, 1)) == 1
    assert len(Tiling(1500, 112, 16).windows(2000, 2000)) == 2


def test_a_picture_within_one_tile_is_evaluated_once():
    """No halo: the whole picture goes to the network."""
    calls = []

    def denoise(x, n):
        calls.append(x)
        return x

    x = noise(1, 3, 16, 16)
    assert tiled(denoise, Tiling(16, 4, 8))(x, 0) is calls[0]
    assert torch.equal(calls[0], x)
    assert len(calls) == 1


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One model of each kind, with a network that halves twice."""
    folder = tmp_path_factory.mktemp("weights")
    kinds = {"sde": SDE, "sees x1": (), "ode": OT_ODE}
    paths = {name: working_weights(folder / f"{name}.safetensors", *DEEP, *kind) for name, kind in kinds.items()}
    return {name: i2sbkit.load(path, "cpu") for name, path in paths.items()}


@pytest.mark.parametrize("kind", ["sde", "sees x1", "ode"])
@pytest.mark.parametrize("size", [(80, 96), (67, 41), (7, 250), (1, 1)])
def test_the_picture_does_not_depend_on_the_tile(models, kind, size):
    """Tile 16, 64 and the whole give one picture to 1e-4, noise included, at odd sizes too: there is no seam."""
    image = i2sbkit.from_pil(photo(*size))
    whole = models[kind].restore(image, nfe=3, tile=0)
    for tile in (16, 64, None):
        tiles = models[kind].restore(image, nfe=3, tile=tile)
        torch.testing.assert_close(tiles, whole, atol=1e-4, rtol=0)


def test_tiles_are_really_used(models, monkeypatch):
    """The network never sees more than a tile and its halo."""
    model, shapes = models["sde"], []
    forward = model.net.forward
    monkeypatch.setattr(model.net, "forward", lambda x, t: shapes.append(x.shape) or forward(x, t))
    model.restore(i2sbkit.from_pil(photo(212, 196)), nfe=1, tile=16)
    side = 16 + 2 * model.weights.recipe.parts.backbone.receptive_field + 4
    assert max(shape[-2] * shape[-1] for shape in shapes) <= side**2 < 196**2
    assert len(shapes) > 9
