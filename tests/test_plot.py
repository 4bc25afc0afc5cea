"""Plots of quality against seconds: their axes, points and labels, in a page and in a terminal."""

import itertools
import math
from xml.etree import ElementTree

import pytest
from evaluations import results
from report_pages import HOSTILE

from i2sbkit.printable import one_line
from i2sbkit.report.drawing import SHAPES, look, shape
from i2sbkit.report.fronts import quality_points
from i2sbkit.report.plot import Point, scatter
from i2sbkit.report.terminal_plot import terminal_plot

LABELS = {"title": "Quality", "x_label": "seconds", "y_label": "dB"}
POINTS = [
    Point("sde", "1", 0.1, 27.0, front=True, mark="fast"),
    Point("sde", "10", 1.0, 28.0, front=True, mark="best"),
    Point("ode", "1", 0.11, 26.0),
    Point("ode", "10", 1.1, 27.5),
]


def tree(page):
    """A plot as XML."""
    return ElementTree.fromstring(page)


def of_class(page, name):
    return [each for each in tree(page).iter() if name in each.get("class", "").split()]


def percent(text):
    return float(text.removesuffix("%"))


@pytest.mark.parametrize("kind", [scatter, lambda points, **labels: terminal_plot(points, **labels, width=80)])
@pytest.mark.parametrize(
    "points",
    [
        [],
        [Point("sde", "1", 0.1, 27.0)],
        [Point("sde", "1", 0.1, 27.0)] * 3,
        [Point("sde", "1", 0.1, y) for y in (1.0, 2.0)],
        [Point("sde", "1", x, 27.0) for x in (0.1, 0.2)],
        [Point("sde", "1", x, 27.0 + 4e-15) for x in (0.1, 0.1 + 1e-16)],
        [Point("sde", "1", 1e-9, -1e9), Point("sde", "1", 1e9, 1e9)],
        [Point("sde", "1", 1.0, 0.0)],
        [Point(f"s{k}", str(k), 1.0 + k, k) for k in range(40)],
    ],
)
def test_any_points_can_be_plotted(kind, points):
    """None, one, equal ones, far ones and many."""
    text = kind(points, **LABELS)
    assert "nan" not in text and "inf" not in text
    assert "Quality" in text


@pytest.mark.parametrize("kind", [scatter, lambda points, **labels: terminal_plot(points, **labels, width=80)])
def test_what_has_no_place_is_named(kind):
    """NaN, infinities, and no seconds on a logarithmic axis; the others are shown."""
    odd = [(math.nan, 1.0), (1.0, math.nan), (math.inf, 1.0), (1.0, math.inf), (0.0, 1.0)]
    text = kind([*POINTS, *(Point("odd", str(k), x, y) for k, (x, y) in enumerate(odd))], **LABELS)
    note = "Not shown: odd 0 (nan, 1), odd 1 (1, nan), odd 2 (inf, 1), odd 3 (1, inf), odd 4 (0, 1)."
    assert note in " ".join(text.split())
    assert "nan" not in text.replace("(nan, 1)", "").replace("(1, nan)", "")


def test_without_a_logarithm_zero_has_a_place():
    """And values below it."""
    page = scatter([Point("a", "1", -1.0, 0.0), Point("a", "2", 0.0, 1.0)], **LABELS, log_x=False)
    assert "Not shown" not in page
    assert len(of_class(page, "point")) == 2


def test_points_stand_where_they_belong():
    """Seconds by their logarithm to the right, quality upwards."""
    page = scatter([Point("a", "1", 0.1, 1.0), Point("a", "2", 1.0, 2.0), Point("a", "3", 10.0, 5.0)], **LABELS)
    xs, ys = ([percent(each.get(axis_name)) for each in of_class(page, "point")] for axis_name in "xy")
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.02)
    assert ys[0] - ys[1] == pytest.approx((ys[1] - ys[2]) / 3, abs=0.02)
    assert ys[0] > ys[1] > ys[2], "as measured from the top"
    assert min(*xs, *ys) > 0 and max(*xs, *ys) < 100


def test_points_are_joined_within_their_series():
    """In the order they are given in."""
    page = scatter(POINTS, **LABELS)
    points, joins = of_class(page, "point"), of_class(page, "join")
    ends = [((j.get("x1"), j.get("y1")), (j.get("x2"), j.get("y2"))) for j in joins]
    places = [(p.get("x"), p.get("y")) for p in points]
    assert ends == [(places[0], places[1]), (places[2], places[3])]


def test_the_front_and_the_picks_are_marked():
    """Points on the front are filled and joined by steps, picked ones have a ring and their mark."""
    page = scatter(POINTS, **LABELS)
    assert [("on-front" in each.get("class")) for each in of_class(page, "point")] == [True, True, False, False]
    assert len(of_class(page, "ring")) == 2
    assert [each.text for each in of_class(page, "mark")] == ["fast", "best"]
    first, second = of_class(page, "point")[:2]
    steps = of_class(page, "front")
    assert [(s.get("x2"), s.get("y2")) for s in steps] == [
        (second.get("x"), first.get("y")),
        (second.get("x"), second.get("y")),
    ]


def test_the_plot_can_be_read_without_seeing_it():
    """It is one picture with a name and a description; each point says what it is."""
    chart = next(each for each in tree(scatter(POINTS, **LABELS)).iter() if each.get("role") == "img")
    assert chart.get("aria-label") == "Quality"
    said = chart.find("desc").text
    assert "Quality, dB, against seconds. 4 points of sde, ode." in said
    assert "On the Pareto front, from left to right: sde 1, sde 10." in said
    assert "fast: sde 1 at 0.1, 27." in said
    hints = [each.find("title").text for each in chart.iter() if "point" in each.get("class", "").split()]
    assert hints[0] == "sde 1 fast – 0.1 seconds, 27"


def test_labels_cover_nothing():
    """On a phone and on a wide screen no label lies on another one or on a point, however close the points are."""
    points = [
        Point(f"s{k % 3}", str(n), 0.03 * n * (1 + 0.02 * (k % 3)), 28 - math.log10(n) + 0.03 * (k % 3))
        for k in range(3)
        for n in (1, 2, 5, 10, 20, 50, 100)
    ]
    page = scatter(points, **LABELS)
    for width, roomy in ((250, False), (400, True)):
        labels = [each for each in tree(page).iter() if label_of(each) is not None]
        boxes = [box(each, width) for each in labels if roomy or not each.get("class")]
        spots = [position(each, width) for each in of_class(page, "point")]
        dots = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
        assert len(boxes) > 7
        assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
        assert not any(overlap(a, b) for a in boxes for b in dots)


def label_of(element):
    return next((each for each in element if "label" in each.get("class", "").split()), None)


def position(element, width, height=288):
    return percent(element.get("x")) / 100 * width, percent(element.get("y")) / 100 * height


def box(element, width):
    """What a label covers, its letters 6 by 10 pixels."""
    label = label_of(element)
    x, y = (a + float(label.get(name)) for a, name in zip(position(element, width), "xy", strict=True))
    size = 6 * len("".join(label.itertext()))
    left = x - {"start": 0, "middle": size / 2, "end": size}[label.get("text-anchor")]
    return left, y - 10, left + size, y


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_a_pick_always_has_its_label():
    """However crowded it is."""
    crowd = [Point("a", "1", 1.0, 1.0, mark="best" if k == 8 else "") for k in range(9)]
    assert [each.text for each in of_class(scatter(crowd, **LABELS), "mark")] == ["best"]


def test_series_differ_in_shape_and_colour():
    """Any two of the first 36 in one of them, the first six in both."""
    looks = [(look(k), shape(k)) for k in range(36)]
    assert len(set(looks)) == 36
    assert len({a for a, _ in looks[:6]}) == len({b for _, b in looks[:6]}) == len(SHAPES)


def test_arms_become_points():
    """A series for each sampler with its options, in order of nfe, the front found by what is better."""
    shuffled = results(arms=(results().arms[0], *reversed(results().arms[1:])))
    points = quality_points(shuffled, "fid", {"sde nfe 10": "balanced"})
    assert [(p.series, p.label) for p in points if p.series == "sde"] == [("sde", "1"), ("sde", "10"), ("sde", "100")]
    assert {p.series for p in points} == {"sde", "dbim eta 0.5"}
    assert {(p.series, p.label) for p in points if p.front} == {("dbim eta 0.5", n) for n in ("1", "10", "100")}
    assert [p.mark for p in points if p.mark] == ["balanced"]
    assert {p.label for p in quality_points(shuffled, "psnr_rgb") if p.front} == {"1"}
    assert not any(p.front for p in quality_points(shuffled, "spread"))


def test_hostile_names_are_text_in_a_plot():
    """In a page and in a terminal."""
    points = [Point(HOSTILE, HOSTILE, 1.0, 2.0, True, HOSTILE), Point(HOSTILE, "2", math.nan, 2.0)]
    labels = dict.fromkeys(LABELS, HOSTILE)
    page = tree(scatter(points, **labels))
    assert not [each for each in page.iter() if each.tag in ("script", "b")]
    assert page.find("figcaption").text == one_line(HOSTILE)
    text = terminal_plot(points, **labels, width=60)
    assert all(line.isprintable() for line in text.splitlines())
