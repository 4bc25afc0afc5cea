"""`i2sbkit.trajectory`: what a sampler went through, shown and measured."""

import numpy as np
import pytest
import torch
from exact import images
from pictures import photo
from working_weights import working_weights

import i2sbkit
from i2sbkit import Error


def test_it_ends_at_what_restore_gives(model):
    """The last state is the restored picture, with the same settings."""
    picture = photo(24, 16)
    way = i2sbkit.trajectory(model, picture, nfe=4, seed=3)
    assert np.array_equal(np.asarray(i2sbkit.to_pil(way.x[-1])), np.asarray(model.restore(picture, nfe=4, seed=3)))


@pytest.mark.parametrize("sampler", ["sde", "dbim"])
def test_it_visits_the_nodes_of_the_bridge(model, sampler):
    """x_n and x0h at each node where the network was asked, from the degraded picture on; 0 at the end."""
    image = images(3, 16, 24, dtype=torch.float32)
    way = i2sbkit.trajectory(model, image, nfe=5, sampler=sampler)
    assert list(way.nodes) == model.weights.recipe.parts.bridge.nodes(5)
    assert way.x.shape == (6, 3, 16, 24)
    assert way.x0h.shape == (5, 3, 16, 24)
    assert torch.equal(way.x[0], image)


def test_a_straight_way_is_no_detour(otode):
    """With one evaluation the OT-ODE goes straight; with many its way is never shorter than the line."""
    image = images(3, 16, 16, dtype=torch.float32)
    assert i2sbkit.trajectory(otode, image, nfe=1).detour == pytest.approx(1, abs=1e-6)
    assert i2sbkit.trajectory(otode, image, nfe=8).detour >= 1 - 1e-6


def test_distances_are_root_mean_squares(model):
    """Travelled begins at 0, grows by the distance between neighbours, and the straight line joins the ends."""
    way = i2sbkit.trajectory(model, images(3, 16, 16, dtype=torch.float32), nfe=3)
    steps = [float((b - a).square().mean().sqrt()) for a, b in zip(way.x, way.x[1:], strict=False)]
    assert way.travelled.tolist() == pytest.approx([0, *np.cumsum(steps)], rel=1e-5)
    assert way.straight == pytest.approx(float((way.x[-1] - way.x[0]).square().mean().sqrt()), rel=1e-5)


def test_the_error_of_each_estimate(model):
    """Against the clean picture, in the order of the nodes; without one it is an error that says so."""
    image, clean = images(2, 3, 16, 16, dtype=torch.float32)
    way = i2sbkit.trajectory(model, image, reference=clean, nfe=3)
    expected = [float((x0h - clean).square().mean().sqrt()) for x0h in way.x0h]
    assert way.error.tolist() == pytest.approx(expected, rel=1e-5)
    assert [row["n"] for row in way.table()] == list(way.nodes[:-1])
    assert [row["error"] for row in way.table()] == pytest.approx(expected, rel=1e-5)
    blind = i2sbkit.trajectory(model, image, nfe=2)
    assert [row["error"] for row in blind.table()] == [None, None]
    with pytest.raises(Error, match="reference=clean"):
        _ = blind.error


def test_the_strip_shows_both_rows(model):
    """x_n above x0h, the result at the right of both; at most so many columns, the first and last among them."""
    way = i2sbkit.trajectory(model, images(3, 16, 24, dtype=torch.float32), nfe=9)
    strip = np.asarray(way.strip(columns=4))
    assert strip.shape == (32, 4 * 24, 3)
    result, start = np.asarray(i2sbkit.to_pil(way.x[-1])), np.asarray(i2sbkit.to_pil(way.x[0]))
    assert np.array_equal(strip[:16, :24], start)
    for row in (strip[:16], strip[16:]):
        assert np.array_equal(row[:, -24:], result)
    assert np.array_equal(strip[16:, :24], np.asarray(i2sbkit.to_pil(way.x0h[0])))
    assert way.strip(columns=50).width == 10 * 24


def test_weights_may_be_named(tiny_weights):
    """A path in place of a loaded model; a Pillow image with its reference."""
    way = i2sbkit.trajectory(tiny_weights, photo(16, 16), reference=photo(16, 16))
    assert way.reference is not None


@pytest.mark.parametrize(
    ("image", "options", "says"),
    [
        (torch.zeros(2, 3, 8, 8), {}, "one picture, got 2"),
        (torch.zeros(3, 8, 8), {"reference": torch.zeros(3, 8, 9)}, "the reference is 9x8, the result 8x8"),
        (torch.zeros(3, 8, 8), {"nfe": 10**6}, "nfe must be between"),
    ],
)
def test_what_does_not_fit_is_told(model, image, options, says):
    """In one line."""
    with pytest.raises(Error, match=says):
        i2sbkit.trajectory(model, image, **options)


def test_x1_may_be_made_noisy(tmp_path):
    """Weights trained with `bridge.add_x1_noise` start from the picture plus N(0, 1), training's endpoint too."""
    noisy = i2sbkit.load(working_weights(tmp_path / "noisy.safetensors", "bridge.add_x1_noise=true"), "cpu")
    image = images(3, 32, 32, dtype=torch.float32)
    bridge = noisy.weights.recipe.parts.bridge
    starts = i2sbkit.trajectory(noisy, image, nfe=1).x[0], bridge.endpoint(image[None], i2sbkit.Rng([0]))[0]
    for start in starts:
        assert float((start - image).mean()) == pytest.approx(0, abs=0.1)
        assert float((start - image).std()) == pytest.approx(1, abs=0.1)
