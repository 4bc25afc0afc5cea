"""Distances between sets of pictures: what they are, and that they depend on the sets alone."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from strategies import exact
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import maximum_mean_discrepancy

from i2sbkit import Error
from i2sbkit.metrics import Distribution, sketches


def features(count, length, seed=0, spread=1.0, shift=0.0):
    """Correlated features."""
    rng = torch.Generator().manual_seed(seed)
    mix = torch.randn(length, length, generator=torch.Generator().manual_seed(length))
    return spread * torch.randn(count, length, generator=rng) @ mix / length**0.5 + shift


def keys(count, name="picture"):
    return [f"{name}-{number}" for number in range(count)]


def distribution(rows, names=None):
    """Of all at once."""
    found = Distribution()
    found.add(names or keys(len(rows)), rows)
    return found


def frechet_by_sqrtm(a, b):
    """The textbook's form."""
    a, b = a.double().numpy(), b.double().numpy()
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b - 2 * root)


@exact
@given(st.integers(2, 60), st.integers(2, 60), st.integers(1, 24), st.floats(0.5, 2), st.floats(-1, 1))
def test_frechet_is_scipys_square_root(count_a, count_b, length, spread, shift):
    """Also where there are fewer pictures than dimensions, to what scipy's root is good for there."""
    a, b = features(count_a, length), features(count_b, length, 1, spread, shift)
    found = distribution(a).frechet(distribution(b))
    assert found == pytest.approx(frechet_by_sqrtm(a, b), rel=1e-4, abs=1e-4)


def test_frechet_by_hand():
    """Normal distributions whose covariances commute: |m1 - m2|^2 + sum (s1 - s2)^2."""
    unit = torch.tensor([[-1.0, 0], [1, 0], [0, -1], [0, 1]]) * 1.5**0.5
    a, b = distribution(unit), distribution(unit * torch.tensor([2.0, 3.0]) + torch.tensor([0.0, 4.0]))
    assert a.frechet(b) == pytest.approx(16 + 1 + 4)


def test_frechet_of_few_pictures_is_exact():
    """Two pictures on a line in 300 dimensions: no noise of a singular covariance."""
    line = torch.zeros(2, 300)
    line[1, 7] = 2**0.5
    assert distribution(line).frechet(distribution(3 * line)) == pytest.approx(2 + 4, rel=1e-6)
    assert distribution(line).frechet(distribution(line)) < 1e-12


def test_frechet_is_torchmetrics():
    """Its FID with a feature module of one's own, over the same pictures."""
    rng = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 12, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    net.num_features = 12
    theirs = FrechetInceptionDistance(feature=net, normalize=True).set_dtype(torch.float64)
    ours = {True: Distribution(), False: Distribution()}
    for batch in range(4):
        for real in (True, False):
            images = torch.rand(8, 3, 16, 16, generator=rng, dtype=torch.float64) * (1 if real else 0.8)
            theirs.update(images, real=real)
            ours[real].add(keys(8, f"{batch}-{real}"), net(images))
    assert ours[True].frechet(ours[False]) == pytest.approx(float(theirs.compute()), rel=1e-4)


def test_kernel_is_torchmetrics():
    """Its unbiased estimate under the polynomial kernel, for sets of different pictures."""
    a, b = features(40, 16), features(40, 16, 1, 1.2, 0.1)
    kernel = [((x @ y.T) / 16 + 1) ** 3 for x, y in ((a, a), (a, b), (b, b))]
    found = distribution(a, keys(40, "a")).kernel(distribution(b, keys(40, "b")))
    assert found == pytest.approx(float(maximum_mean_discrepancy(*kernel)), abs=1e-5)


def test_kernel_of_pairs_leaves_a_picture_and_its_restoration_out():
    """A set against itself is 0, not below it; against independent pictures of its kind it is 0 on average."""
    same = distribution(features(50, 8))
    assert same.kernel(distribution(features(50, 8))) == pytest.approx(0, abs=1e-12)
    estimates = [
        distribution(features(20, 4, seed)).kernel(distribution(features(20, 4, seed + 100))) for seed in range(60)
    ]
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / 60**0.5


@st.composite
def partitions(draw):
    """Features, an order to count them in, and places to cut that into parts."""
    count = draw(st.integers(2, 40))
    order = draw(st.permutations(range(count)))
    cuts = sorted(draw(st.lists(st.integers(0, count), max_size=4)))
    return features(count, 6, draw(st.integers(0, 99))), order, [0, *cuts, count]


@exact
@given(partitions())
def test_parts_merge_to_the_whole(partition):
    """Whoever counted which in what order: moments to rounding, the sample bit for bit, and with it the kernel."""
    rows, order, cuts = partition
    names = keys(len(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketches, "LARGEST", 9)
        whole, merged = distribution(rows, names), Distribution()
        for start, stop in pairwise(cuts):
            part = Distribution()
            for index in order[start:stop]:
                part.add([names[index]], rows[index : index + 1])
            merged.merge(part)
        found, wanted = merged.tensors(), whole.tensors()
    assert merged.count == whole.count == len(rows)
    assert len(found["hashes"]) == min(9, len(rows))
    for name in ("hashes", "features"):
        assert torch.equal(found[name], wanted[name])
    for name in ("total", "squares"):
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-12, atol=1e-12)
    other = distribution(features(30, 6, 7), keys(30, "other"))
    assert merged.kernel(other) == whole.kernel(other)
    assert merged.frechet(other) == pytest.approx(whole.frechet(other), rel=1e-9, abs=1e-9)


def test_the_sample_is_of_the_smallest_hashes(monkeypatch):
    """Independent of the features: chosen by key, in the order of the hashes."""
    monkeypatch.setattr(sketches, "LARGEST", 5)
    names, rows = keys(200), torch.arange(200.0).view(-1, 1)
    hashes = sketches.hashes_of(names)
    smallest = hashes.argsort()[:5]
    found = distribution(rows, names).tensors()
    assert found["hashes"].tolist() == hashes[smallest].tolist()
    assert found["features"].flatten().tolist() == smallest.tolist()
    assert abs(float((hashes > 0).double().mean()) - 0.5) < 0.15


def test_hashes_are_for_good():
    """Caches of features outlive versions: the first 8 bytes of BLAKE2b (b2sum -l 64), as a signed number."""
    assert sketches.hashes_of(["a", "sub/ü.png"]).tolist() == [4681665781835383343, 7787508240623415180]


def test_memory_is_bounded(monkeypatch):
    """The tensors do not grow beyond the sample's largest size."""
    monkeypatch.setattr(sketches, "LARGEST", 16)
    sizes = []
    found = Distribution()
    for batch in range(6):
        found.add(keys(50, f"b{batch}"), features(50, 3, batch))
        sizes.append(sum(tensor.numel() for tensor in found.tensors().values()))
    assert len(set(sizes)) == 1
    assert found.count == 300


def test_stored_and_read_it_goes_on(tmp_path):
    """As a safetensors file; an empty one too. What is read does not change what was stored."""
    rows = features(30, 5)
    first = distribution(rows[:20])
    save_file(first.tensors(), tmp_path / "d.safetensors")
    save_file(Distribution().tensors(), tmp_path / "e.safetensors")
    stored = first.tensors()
    found = Distribution.from_tensors(load_file(tmp_path / "d.safetensors"))
    found.merge(Distribution.from_tensors(load_file(tmp_path / "e.safetensors")))
    found.add(keys(30)[20:], rows[20:])
    assert found.frechet(distribution(rows)) == pytest.approx(0, abs=1e-9)
    again = Distribution.from_tensors(stored)
    again.add(["new"], rows[:1])
    again.tensors()
    assert first.count == int(stored["count"]) == 20
    torch.testing.assert_close(stored["total"], rows[:20].double().sum(0))


def test_what_is_added_may_change_later():
    """Features are copied."""
    rows = features(3, 4)
    found = distribution(rows)
    rows.zero_()
    assert float(found.tensors()["features"].abs().min()) > 0


@pytest.mark.parametrize("measure", ["frechet", "kernel"])
def test_two_pictures_are_needed(measure):
    """In each set."""
    one, two = distribution(features(1, 3)), distribution(features(2, 3))
    for a, b in ((one, two), (two, one), (Distribution(), two)):
        with pytest.raises(Error, match="needs two pictures in each"):
            getattr(a, measure)(b)


def test_features_that_never_vary_do_not_count():
    """A set of gray pictures leaves most of a network's features at 0, which made LAPACK give up."""
    a, b = features(20, 6, seed=1), features(20, 6, seed=2)
    wide_a, wide_b = (torch.cat([each, torch.zeros(20, 1200)], dim=1) for each in (a, b))
    wanted = distribution(a).frechet(distribution(b))
    assert distribution(wide_a).frechet(distribution(wide_b)) == pytest.approx(wanted, rel=1e-9)
    constant = distribution(torch.ones(3, 4))
    assert constant.frechet(distribution(torch.zeros(3, 4))) == pytest.approx(4)


def test_networks_are_not_mixed():
    """Features of two lengths are two networks'."""
    found = distribution(features(2, 3))
    for act in (
        lambda: found.add(["x"], features(1, 4)),
        lambda: found.merge(distribution(features(2, 4))),
        lambda: found.frechet(distribution(features(2, 4))),
    ):
        with pytest.raises(Error, match="features of 4 dimensions among those of 3: two networks' are mixed"):
            act()


def test_a_picture_counts_once():
    """The same key twice is a mistake in the caller's lists."""
    found = distribution(features(3, 3))
    with pytest.raises(Error, match="counted twice"):
        found.merge(distribution(features(2, 3)))
    with pytest.raises(Error, match="counted twice"):
        distribution(features(2, 3), ["a", "a"]).tensors()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_damaged_features_are_refused(value):
    """With the picture's key, and nothing is counted."""
    rows, found = features(3, 3), Distribution()
    rows[1, 2] = value
    with pytest.raises(Error, match="picture-1: its features are not finite numbers"):
        found.add(keys(3), rows)
    assert found.count == 0
