"""Axes of plots: that all values lie on them, and ticks at round numbers."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import exact

from i2sbkit.report.axes import axis

values = st.lists(st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-9), min_size=1, max_size=6)


@exact
@given(values)
def test_axes_show_all_values(numbers):
    """Each lies between the ends, in order."""
    found = axis(numbers)
    shares = [found.share(number) for number in sorted(numbers)]
    assert shares[0] > 0 and shares[-1] < 1
    assert shares == sorted(shares)


@exact
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=6), st.booleans(), st.integers(5, 9))
def test_ticks_are_few_and_round(numbers, log, most):
    """At least two and not more than asked for, rising, between the ends; each is written as what it is."""
    found = axis(numbers, log, most)
    places = [value for value, _ in found.ticks]
    assert 2 <= len(places) <= most
    assert found.low <= places[0] and places[-1] <= found.high
    assert all(a < b for a, b in itertools.pairwise(places))
    assert len({text for _, text in found.ticks}) == len(places)
    for value, text in found.ticks:
        assert float(text) == pytest.approx(value, rel=1e-5, abs=1e-9)
    if not log:
        step = places[1] - places[0]
        assert f"{step:.3e}"[:5] in ("1.000", "2.000", "5.000")


@pytest.mark.parametrize(
    ("numbers", "log", "texts"),
    [
        ([0.03, 3.2], True, ["0.05", "0.1", "0.2", "0.5", "1", "2"]),
        ([0.03, 30], True, ["0.1", "1", "10"]),
        ([0.05, 7], True, ["0.1", "0.3", "1", "3", "10"]),
        ([1e-4, 1e4], True, ["0.0001", "0.01", "1", "100", "10000"]),
        ([0.3, 0.6], True, ["0.3", "0.4", "0.5", "0.6"]),
        ([26.6, 28.5], False, ["26.5", "27.0", "27.5", "28.0", "28.5"]),
        ([-0.02, 0.02], False, ["-0.02", "-0.01", "0.00", "0.01", "0.02"]),
        ([5.0], False, ["4.8", "4.9", "5.0", "5.1", "5.2"]),
    ],
)
def test_ticks_as_a_reader_expects_them(numbers, log, texts):
    """1, 2 and 5 times powers of ten."""
    assert [text for _, text in axis(numbers, log).ticks] == texts
