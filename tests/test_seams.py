"""No seam: where tiles meet, a restored picture is as smooth as elsewhere."""

import warnings
from pathlib import Path

import pytest
import torch
from pictures import photo

import i2sbkit
from i2sbkit.importing import import_weights
from i2sbkit.tile_sizes import TileSizes
from i2sbkit.tiling import Tiling

OFFICIAL = Path(__file__).parent / "golden/official-tiny"
SIZE = 384


def borders(tiling):
    """The rows where a window begins, ends or is cut, without the picture's own edges."""
    found = set()
    for span, _ in tiling.windows(SIZE, SIZE):
        counts = torch.nonzero(span.weight > 0.5).flatten()
        found |= {span.start, span.stop, span.start + int(counts[0]), span.start + int(counts[-1]) + 1}
    return sorted(found - {0, SIZE})


def steepness(change, tiling):
    """How much steeper what a network changed (3, H, W) is across the borders of tiles than inside them; 1 is equal."""
    across = change.diff(dim=1).square().mean(dim=(0, 2))
    at = torch.tensor(borders(tiling)) - 1
    inside = torch.ones_like(across, dtype=torch.bool)
    inside[at] = False
    return float((across[at].mean() / across[inside].mean()).sqrt())


def hard(tiling):
    """The same tiles, cut without a halo."""
    return Tiling(tiling.side, 0, tiling.multiple_of)


def change(model, image, tile):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model.restore(image, nfe=1, tile=tile) - image


@pytest.fixture(scope="module")
def image():
    return i2sbkit.from_pil(photo(SIZE, SIZE))


@pytest.fixture(scope="module")
def jpeg():
    return i2sbkit.load("jpeg", "cpu")


@pytest.fixture(scope="module")
def adm(tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "adm.safetensors"
    import_weights(OFFICIAL, path, ["backbone.num_head_channels=16"])
    return i2sbkit.load(path, "cpu")


def tiling_of(model, tile):
    return TileSizes(model.weights.recipe.parts.backbone, lambda x, n: x, 3, torch.device("cpu")).tiling(tile)


def test_the_bundled_weights_leave_no_seam(jpeg, image):
    """Tiles of 64 pixels: as steep across their borders as inside, and the picture that the whole gives, to 1e-4."""
    tiled = change(jpeg, image, 64)
    assert len(borders(tiling_of(jpeg, 64))) >= 3
    assert steepness(tiled, tiling_of(jpeg, 64)) < 1.1
    torch.testing.assert_close(tiled, change(jpeg, image, 0), atol=1e-4, rtol=0)


def test_a_network_that_sees_everything_leaves_no_seam(adm, image):
    """Blended tiles are as steep across their borders as inside, though their pictures differ."""
    assert len(borders(tiling_of(adm, 64))) >= 6
    assert steepness(change(adm, image, 64), tiling_of(adm, 64)) < 1.1


@pytest.mark.parametrize("name", ["jpeg", "adm"])
def test_hard_cuts_would_show(name, image, request, monkeypatch):
    """The measure can fail: the same tiles without halo or blending are steeper across their borders."""
    model = request.getfixturevalue(name)
    cut = hard(tiling_of(model, 64))
    monkeypatch.setattr(TileSizes, "tiling", lambda self, tile: cut)
    assert steepness(change(model, image, 64), cut) > 1.25


def test_blended_tiles_are_warned_of(adm, image):
    """One warning says that the picture depends on the tiles; none where the picture is a single tile."""
    with pytest.warns(UserWarning, match=r"tiles of 64 pixels: .*docs/sizes.md") as caught:
        adm.restore(image, nfe=2, tile=64)
    assert len(caught) == 1
    adm.restore(image[:, :64, :64], nfe=1, tile=64)
