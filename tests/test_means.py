"""Streaming means, their intervals and the paired test, against what numpy and scipy-free arithmetic give at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from i2sbkit.evaluating.means import FLIPS, Differences, Means

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


def means_of(values, keys=None, columns=("a",)):
    means = Means(columns)
    for key, value in zip(keys or map(str, range(len(values))), values, strict=True):
        means.add(key, {"a": value})
    return means


@given(VALUES)
def test_the_mean_is_the_mean(values):
    found = means_of(values).intervals()["a"]
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


@given(VALUES, st.integers(0, 12))
def test_parts_merge_to_the_same_mean_and_interval(values, cut):
    keys = list(map(str, range(len(values))))
    one, other = means_of(values[:cut], keys[:cut]), means_of(values[cut:], keys[cut:])
    one.merge(other)
    whole, merged = means_of(values).intervals()["a"], one.intervals()["a"]
    for name in ("mean", "low", "high"):
        assert getattr(merged, name) == pytest.approx(getattr(whole, name), abs=1e-9)


def test_order_does_not_matter_but_keys_do():
    values, keys = [1.1**k for k in range(20)], [f"a{k}" for k in range(20)]
    interval = means_of(values, keys).intervals()["a"]
    turned = means_of(values[::-1], keys[::-1]).intervals()["a"]
    assert turned.low == pytest.approx(interval.low)
    assert turned.high == pytest.approx(interval.high)
    assert means_of(values, [f"b{k}" for k in range(20)]).intervals()["a"] != interval


def test_the_interval_covers_the_true_mean_nineteen_times_of_twenty():
    """300 experiments of 40 normal values: the interval holds 0 in 90 to 98 % of them."""
    rng = np.random.default_rng(0)
    inside = 0
    for trial in range(300):
        found = means_of(rng.normal(size=40), [f"{trial} {k}" for k in range(40)]).intervals()["a"]
        inside += found.low <= 0 <= found.high
    assert 0.90 <= inside / 300 <= 0.98


def test_a_column_that_pictures_lack_counts_where_it_is():
    means = Means(("a", "b"))
    means.add("1", {"a": 1.0, "b": 5.0})
    means.add("2", {"a": 3.0})
    found = means.intervals()
    assert (found["a"].mean, found["b"].mean) == (2.0, 5.0)
    assert "c" not in Means(("c",)).intervals()


def test_infinite_psnr_makes_the_mean_infinite_and_nothing_nan():
    found = means_of([30.0, float("inf"), 32.0]).intervals()["a"]
    assert found.mean == found.high == float("inf")
    assert not np.isnan(found.low)


def test_means_come_back_from_their_tensors():
    means = means_of([1.0, 2.0, 5.0])
    assert Means.from_tensors(("a",), means.tensors()).intervals() == means.intervals()


def differences_of(values):
    differences = Differences(("a",))
    for key, value in enumerate(values):
        differences.add(str(key), {"a": value})
    return differences


def test_p_is_small_where_every_picture_gained():
    differences = differences_of([0.1] * 20)
    assert differences.against()["a"].p == pytest.approx(1 / (1 + FLIPS), rel=10)
    assert differences.against()["a"].difference.low == pytest.approx(0.1)


def test_p_is_exact_for_few_pictures():
    """Of 2^5 flips of five equal gains just two are as far out: p near 1/16 (5 standard errors)."""
    assert differences_of([1.0] * 5).against()["a"].p == pytest.approx(1 / 16, abs=5 * (1 / 16 / FLIPS) ** 0.5)


def test_p_is_uniform_where_nothing_differs():
    """200 experiments without a difference: p below 0.1 in 4 to 17 % of them (about 3 standard errors)."""
    rng = np.random.default_rng(1)
    low = 0
    for trial in range(200):
        differences = Differences(("a",))
        for key, value in enumerate(rng.normal(size=15)):
            differences.add(f"{trial} {key}", {"a": value})
        low += differences.against()["a"].p < 0.1
    assert 0.04 <= low / 200 <= 0.17


def test_equal_runs_have_p_one():
    assert differences_of([0.0] * 4).against()["a"].p == 1.0


def test_a_difference_of_infinities_does_not_count():
    differences = differences_of([float("nan"), float("inf"), 1.0])
    assert differences.against()["a"].difference.mean == 1.0
