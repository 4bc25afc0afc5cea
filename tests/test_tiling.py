"""Tiles: a picture does not depend on how it was cut up, where the network sees only so far."""

import pytest
import torch
from pictures import photo
from working_weights import OT_ODE, SDE, working_weights

import i2sbkit
from i2sbkit.tiling import tiled

DEEP = ("backbone.encoder=[1,1]", "backbone.decoder=[1,1]")  # halves twice: the grid of tiles matters
RECEPTIVE = 4


def box_blur(x, n=0):
    """A denoiser that sees exactly RECEPTIVE pixels far, zeros beyond the edge."""
    side = 2 * RECEPTIVE + 1
    return torch.nn.functional.avg_pool2d(x[:, :3], side, stride=1, padding=RECEPTIVE)


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("tile", [1, 13, 16, 40])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (24, 48), (40, 8)])
def test_tiles_equal_the_whole(height, width, tile):
    """With a halo of the receptive field each tile gives what the whole gives there, whatever lies behind x_n."""
    x = noise(2, 6, height, width)
    result = tiled(box_blur, tile, RECEPTIVE, multiple_of=8)(x, 0)
    torch.testing.assert_close(result, box_blur(x), atol=1e-6, rtol=0)


def test_too_small_a_halo_shows():
    """The check above can fail: with half the halo the tiles do not fit."""
    x = noise(1, 3, 32, 32)
    result = tiled(box_blur, 8, RECEPTIVE // 2, multiple_of=1)(x, 0)
    assert (result - box_blur(x)).abs().max() > 1e-2


def test_tiles_lie_on_the_networks_grid():
    """Tiles begin and end on multiples of what the network needs; none is larger than asked and its halo."""
    seen = []

    def denoise(x, n):
        seen.append(x.shape[-2:])
        return x

    tiled(denoise, 20, 5, multiple_of=8)(noise(1, 3, 64, 80), 0)
    assert all(side % 8 == 0 and side <= 24 + 2 * 8 for shape in seen for side in shape)
    assert len(seen) == 3 * 4


def test_a_picture_within_one_tile_is_evaluated_once():
    """No halo, no copy: the whole picture goes to the network."""
    calls = []

    def denoise(x, n):
        calls.append(x)
        return x

    x = noise(1, 3, 16, 16)
    tiled(denoise, 16, 4, multiple_of=8)(x, 0)
    assert len(calls) == 1
    assert calls[0] is x


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One model of each kind, with a network that halves twice."""
    folder = tmp_path_factory.mktemp("weights")
    kinds = {"sde": SDE, "sees x1": (), "ode": OT_ODE}
    paths = {name: working_weights(folder / f"{name}.safetensors", *DEEP, *kind) for name, kind in kinds.items()}
    return {name: i2sbkit.load(path, "cpu") for name, path in paths.items()}


@pytest.mark.parametrize("kind", ["sde", "sees x1", "ode"])
@pytest.mark.parametrize("size", [(80, 96), (67, 41), (7, 150)])
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
    monkeypatch.setattr(model.net, "forward", _recording(model.net.forward, shapes))
    model.restore(i2sbkit.from_pil(photo(112, 96)), nfe=1, tile=16)
    backbone = model.weights.recipe.parts.backbone
    halo = -(-backbone.receptive_field // backbone.multiple_of) * backbone.multiple_of
    assert max(max(shape[-2:]) for shape in shapes) == 16 + 2 * halo < 96
    assert len(shapes) == 6 * 7


def _recording(forward, shapes):
    def wrapped(x, t):
        shapes.append(x.shape)
        return forward(x, t)

    return wrapped


def test_a_network_that_sees_everything_is_never_tiled(models, monkeypatch):
    """Where the receptive field is not finite, tiles would change the picture: the whole is evaluated."""
    model, shapes = models["sde"], []
    backbone = model.weights.recipe.parts.backbone
    monkeypatch.setattr(type(backbone), "receptive_field", None)
    monkeypatch.setattr(model.net, "forward", _recording(model.net.forward, shapes))
    model.restore(i2sbkit.from_pil(photo(64, 48)), nfe=1, tile=16)
    assert [shape[-2:] for shape in shapes] == [(48, 64)]
