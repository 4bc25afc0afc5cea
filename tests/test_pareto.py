"""The Pareto front of seconds and quality, and what is picked from it."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import exact

from i2sbkit.results.pareto import Picks, front, picks

seconds = st.one_of(st.floats(1e-3, 1e3), st.sampled_from([0.1, 1.0, 10.0]))
qualities = st.one_of(st.floats(-100, 100), st.sampled_from([0.0, 25.0]))
clouds = st.lists(st.tuples(seconds, qualities), max_size=12)
LADDER = [(0.1, 27.0), (0.2, 27.6), (0.5, 27.95), (1.0, 28.0), (2.0, 28.005), (5.0, 27.5)]


def beats(one, other):
    """As fast and as good, and one of the two strictly."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@exact
@given(clouds)
def test_no_point_beats_one_on_the_front(points):
    """And every other one is beaten by one on the front, or equal to it."""
    found = front(points)
    assert not any(beats(other, points[k]) for k in found for other in points)
    for k in set(range(len(points))) - set(found):
        assert any(beats(points[j], points[k]) or points[j] == points[k] for j in found)


@exact
@given(clouds)
def test_the_front_rises(points):
    """From the fastest to the best, both strictly, so of equal points there is one."""
    places = [points[k] for k in front(points)]
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(places))


@exact
@given(clouds)
def test_lower_may_be_better(points):
    """The front of distances is that of what they are the negatives of, and so are the picks."""
    negatives = [(s, -q) for s, q in points]
    assert front(negatives, higher_is_better=False) == front(points)
    assert picks(negatives, -10.0, higher_is_better=False, tolerance=0.5) == picks(points, 10.0, tolerance=0.5)


def test_the_first_of_equal_points_is_taken():
    """By their order."""
    assert front([(2, 1.0), (1, 5.0), (1, 5.0), (1, 4.0)]) == [1]


@pytest.mark.parametrize("point", [(math.nan, 9), (1, math.nan), (math.inf, 9), (0, 9), (-1, 9)])
def test_what_is_no_measurement_has_no_place(point):
    """Seconds that are not above 0 and finite, and NaN; it hides no other point either."""
    assert front([point, (1, 5)]) == [1]


def test_an_infinite_quality_is_the_best():
    """Equal pictures have an infinite PSNR; the knee is still found."""
    points = [(0.1, 30.0), (1.0, 31.0), (2.0, math.inf)]
    assert front(points) == [0, 1, 2]
    assert picks(points, 25.0).best == 2


@exact
@given(clouds, qualities, st.floats(0, 5))
def test_picks_lie_on_the_front_and_beat_the_input(points, given, tolerance):
    """In order of seconds; none only where no point is better than what was given."""
    found = picks(points, given, tolerance=tolerance)
    better = [k for k in front(points) if points[k][1] > given]
    if found is None:
        assert better == []
        return
    places = [better.index(k) for k in (found.fast, found.balanced, found.best)]
    assert places[0] == 0
    assert places == sorted(places)
    assert points[found.best][1] >= max(q for _, q in points) - tolerance
    assert all(points[k][1] < max(q for _, q in points) - tolerance for k in better[: places[2]])


def test_the_three_picks():
    """Fast is the fastest; best the highest quality, or nearly and in less time; balanced is the knee."""
    assert picks(LADDER, 25.0) == Picks(fast=0, balanced=2, best=4)
    assert picks(LADDER, 25.0, tolerance=0.01) == Picks(fast=0, balanced=1, best=3)


def test_a_pick_must_be_better_than_the_input():
    """What is fast and no better than doing nothing is no pick, however tolerant; of no better point there is none."""
    assert picks(LADDER, 27.6, tolerance=10).best == picks(LADDER, 27.6).fast == 2
    assert picks(LADDER, 28.005) is None
    assert picks([], 0.0) is None


@exact
@given(clouds, st.sampled_from([0.25, 4.0, 64.0]), st.sampled_from([0.5, 2.0]))
def test_the_knee_has_no_units(points, slower, scale):
    """Another machine and another scale of quality change no pick, but where two points lie as high as each other."""
    found = picks(points, 0.0)
    other = picks([(s * slower, q * scale) for s, q in points], 0.0)
    if found is None or other is None:
        assert found == other
        return
    assert (found.fast, found.best) == (other.fast, other.best)
    ends = (points[found.fast], points[found.best])
    assert height(points[found.balanced], *ends) == pytest.approx(height(points[other.balanced], *ends), abs=1e-9)


def height(point, first, last):
    """How far a point lies above the line, in shares of its length."""
    if first == last:
        return 0.0
    time, whole = (math.log(each[0] / first[0]) for each in (point, last))
    return (point[1] - first[1]) / (last[1] - first[1]) - (time / whole if whole else 1.0)


def test_without_a_knee_balanced_is_fast():
    """Two points, or quality that rises ever faster: nothing in between is worth more than the ends."""
    assert picks([(1, 1.0), (10, 2.0)], 0.0) == Picks(0, 0, 1)
    assert picks([(1, 1.0), (10, 1.1), (100, 3.0)], 0.0) == Picks(0, 0, 2)


def test_a_point_may_be_picked_twice():
    """Its name says so."""
    assert Picks(2, 2, 7).names == {2: "fast, balanced", 7: "best"}
    assert picks([(1, 1.0)], 0.0).names == {0: "fast, balanced, best"}
