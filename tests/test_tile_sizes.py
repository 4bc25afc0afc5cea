"""Which tile is chosen: by the free memory and by what the network takes, measured."""

from dataclasses import dataclass

import pytest
import torch

from i2sbkit import tile_sizes
from i2sbkit.kernel.interfaces import Backbone
from i2sbkit.tile_sizes import LARGEST, SMALL, STATES, TileSizes

BYTES = 4 * 3 * 30
"""What `hungry` takes a pixel, when it sees 3 channels."""


@dataclass(frozen=True)
class Far(Backbone):
    """A network that sees so far; it is never built."""

    receptive_field: int | None = None
    multiple_of: int = 8

    def build(self, in_channels, out_channels):
        raise AssertionError


def hungry(x, n):
    return x.repeat(1, 30, 1, 1)[:, :3]


def never(x, n):
    raise AssertionError("not measured")


def sizes(monkeypatch, free, reach, network=hungry, device="cpu"):
    monkeypatch.setattr(tile_sizes, "free_memory", lambda device: free)
    return TileSizes(Far(reach), network, 3, torch.device(device))


def pictures(height, width):
    """As large as these, without their memory."""
    return torch.empty(1, 3, height, width, device="meta")


@pytest.mark.parametrize("reach", [None, 20])
@pytest.mark.parametrize("gigabytes", [1, 2, 8])
def test_a_tile_takes_half_of_the_free_memory_at_most(monkeypatch, reach, gigabytes):
    """With kernels' own memory, after what full-size tensors need; and not much less than that."""
    free, x = gigabytes * 10**9, pictures(3000, 4000)
    chosen = sizes(monkeypatch, free, reach)
    side = chosen.tiling(chosen.choose(x)).side
    left = free - STATES * 4 * x.numel()
    most = 0.5 * left / (tile_sizes.WORKSPACE * BYTES)
    assert side**2 <= max(most, chosen.tiling(chosen.least).side ** 2)
    assert side**2 > 0.9 * most or chosen.choose(x) == LARGEST


def test_with_memory_to_spare(monkeypatch):
    """A finite receptive field: the largest tile, whatever the picture; else the whole picture as one."""
    x = pictures(3000, 4000)
    assert sizes(monkeypatch, 10**12, 20).choose(x) == LARGEST
    everything = sizes(monkeypatch, 10**12, None)
    assert everything.whole(everything.choose(x), x)
    assert not everything.whole(everything.choose(x) - 100, x)


def test_larger_pictures_get_smaller_tiles(monkeypatch):
    """With memory to spare, state and network stay below 3 GB together as long as tiles can be had for it."""
    chosen = sizes(monkeypatch, 10**12, 20)
    tiles = [chosen.choose(pictures(side, side)) for side in (2000, 5000, 5400, 10_000, 20_000)]
    assert tiles[0] == LARGEST > tiles[1] > tiles[2] > tiles[3] == tiles[4] > 900
    for side, tile in zip((5000, 5400), tiles[1:3], strict=True):
        network = tile_sizes.WORKSPACE * BYTES * chosen.tiling(tile).side ** 2
        assert network + STATES * 4 * 3 * side**2 < 3e9


@pytest.mark.parametrize("reach", [None, 20])
def test_without_memory(monkeypatch, reach):
    """Small tiles rather than none."""
    starved = sizes(monkeypatch, 1000, reach)
    assert starved.choose(pictures(3000, 4000)) == starved.least


@pytest.mark.parametrize("reach", [None, 20])
def test_small_pictures_are_whole_and_measure_nothing(monkeypatch, reach):
    """Up to 256 x 256, however little memory there seems to be."""
    small = sizes(monkeypatch, 0, reach, never)
    for height, width in ((1, 1), (256, 256), (13, 5000), (1, SMALL)):
        x = pictures(height, width)
        assert small.whole(small.choose(x), x)


def test_tiles_are_batched_on_gpus_only(monkeypatch):
    """As many at once as the largest tile would take, and as fit into memory; one on a CPU."""
    x = pictures(3000, 4000)
    assert sizes(monkeypatch, 10**12, None).batch(128, x) == 1
    assert sizes(monkeypatch, 10**12, None, device="meta").batch(128, x) == 100
    assert sizes(monkeypatch, 10**9, None, device="meta").batch(128, x) == int(0.5e9 / 2 / BYTES / 128**2)
    assert sizes(monkeypatch, 0, None, device="meta").batch(128, x) == 1


def test_a_hundred_megapixels_in_tiles():
    """Square, and as long as a wall: windows no larger than asked, few of them."""
    tiling = TileSizes(Far(107, 16), never, 3, torch.device("cpu")).tiling(LARGEST)
    for height, width in ((10_000, 10_000), (1000, 100_000), (100_000_000, 1)):
        windows = tiling.windows(height, width)
        areas = [(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in windows]
        assert max(areas) <= tiling.side**2
        assert sum(areas) < 1.5 * height * width
