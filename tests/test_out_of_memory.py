"""Memory that runs out: the tile is halved, and the picture is the one it would have been."""

import re
import subprocess
import sys

import pytest
import torch
from pictures import photo
from working_weights import working_weights

import i2sbkit
from i2sbkit.tiling import halving

FULL = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"


def limited(most, asked, error=torch.OutOfMemoryError):
    """Tiles that fit up to a size."""

    def tiles(tile):
        def denoise(x_n, n):
            asked.append((n, tile))
            if tile > most:
                raise error(FULL)
            return x_n + n

        return denoise

    return tiles


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_the_tile_is_halved_until_it_fits(error):
    """That evaluation alone is repeated; the next one begins where it ended, and there is one warning."""
    asked = []
    denoise = halving(limited(70, asked, error), 500, 32)
    with pytest.warns(UserWarning, match="with tiles of 500 pixels: went on with 62; --tile 62") as caught:
        assert denoise(torch.zeros(1), 9) == 9
        assert denoise(torch.zeros(1), 4) == 4
    assert len(caught) == 1
    assert asked == [(9, 500), (9, 250), (9, 125), (9, 62), (4, 62)]


def test_too_little_memory_for_any_tile_is_an_error():
    """It is not halved below the least; what ran out is told."""
    asked = []
    with pytest.raises(RuntimeError, match="can't allocate"):
        halving(limited(10, asked), 130, 32)(torch.zeros(1), 1)
    assert [tile for _, tile in asked] == [130, 65, 32]


def test_no_other_error_is_taken_for_it():
    """A mistake in a network comes through at once."""

    def tiles(tile):
        raise RuntimeError("shape '[2]' is invalid")

    with pytest.raises(RuntimeError, match="invalid"):
        halving(tiles, 500, 32)(torch.zeros(1), 1)


@pytest.fixture
def small_device(model, monkeypatch):
    """The model on a device that holds evaluations of 20,000 pixels."""
    forward = model.net.forward

    def limited_forward(x, t):
        if x.shape[-2] * x.shape[-1] > 20_000:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(x, t)

    return lambda: monkeypatch.setattr(model.net, "forward", limited_forward)


@pytest.mark.parametrize("tile", [None, 200])
def test_the_picture_is_the_same(model, small_device, tile):
    """With the noise and the state that it had: as the whole picture gives, to 1e-4."""
    image = i2sbkit.from_pil(photo(260, 270))
    whole = model.restore(image, nfe=3, tile=0)
    small_device()
    with pytest.warns(UserWarning, match="memory ran out") as caught:
        result = model.restore(image, nfe=3, tile=tile)
    assert len(caught) == 1
    torch.testing.assert_close(result, whole, atol=1e-4, rtol=0)


def test_tile_0_is_the_whole_picture_or_an_error(model, small_device):
    """Who asks for the whole picture does not get tiles."""
    small_device()
    with pytest.raises(torch.OutOfMemoryError):
        model.restore(i2sbkit.from_pil(photo(260, 270)), nfe=1, tile=0)


UNDER_A_LIMIT = """
import re, resource, sys, warnings, torch, i2sbkit
model, x = i2sbkit.load(sys.argv[1], "cpu"), torch.rand(3, 700, 700)
model.restore(x[:, :64, :64], nfe=1)
used = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1])
resource.setrlimit(resource.RLIMIT_AS, (used + 150_000_000, resource.RLIM_INFINITY))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    y = model.restore(x, nfe=2)
print(len(caught), caught[0].message, tuple(y.shape))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_machine_whose_memory_really_runs_out(tmp_path):
    """Under a limit of the system the allocator fails; tiles are halved, and the picture gets done."""
    weights = working_weights(tmp_path / "w.safetensors", "backbone.width=16")
    command = [sys.executable, "-c", UNDER_A_LIMIT, str(weights)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.match(r"1 memory ran out with tiles of \d+ pixels: went on with \d+; .* \(3, 700, 700\)", done.stdout)
