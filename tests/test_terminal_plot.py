"""Plots in a terminal: they fit, and show points, picks and what is what."""

import math
import re

import pytest
from evaluations import arm, results
from test_plot import LABELS, POINTS

from i2sbkit.report.fronts import quality_points
from i2sbkit.report.plot import Point
from i2sbkit.report.terminal_plot import NARROWEST, terminal_plot


@pytest.mark.parametrize("width", [10, 24, 40, 80, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_terminal_plot_fits(width, ascii_only):
    """No line is longer than the terminal is wide, and in ASCII nothing else is used."""
    points = quality_points(results(), "lpips", {"sde nfe 1": "fast"})
    text = terminal_plot(points, **LABELS, width=width, ascii=ascii_only)
    assert max(map(len, text.splitlines())) <= max(width, NARROWEST)
    assert text.isascii() == ascii_only


def test_a_terminal_plot_shows_points_and_picks():
    """A sign for each series, filled on the front, joined by dots; labels, ticks, and what is what."""
    text = terminal_plot(POINTS, **LABELS, width=80)
    assert text.splitlines()[:2] == ["Quality", "dB, against seconds"]
    plot = text[: text.index("└")]
    assert (plot.count("●"), plot.count("□"), plot.count("■")) == (2, 2, 0)
    assert "1 fast" in plot and "10 best" in plot and "28.0 ┤" in plot and "·" in plot
    assert text.splitlines()[-1] == "● sde   ■ ode   filled: on the Pareto front"
    assert re.search(r"^ +0\.1 +0\.2 +0\.5 +1 *$", text, re.MULTILINE)


def test_labels_in_a_terminal_cover_nothing():
    """However narrow it is all markers are there, and a label is whole or not there."""
    points = [Point("s", f"<{k}>", 1.5**k, math.sin(k), front=True) for k in range(30)]
    for width in (40, 80):
        plot = terminal_plot(points, **LABELS, width=width).partition("└")[0]
        assert plot.count("●") == 30
        assert 2 < plot.count("<") == plot.count(">") == len(re.findall(r"(?<![^ ·│┤])<\d+>(?=[ ·\n])", plot + " "))


def test_a_terminal_plot_of_one_arm():
    """Is drawn as well."""
    points = quality_points(results(arms=(results().arms[0], arm("sde", 5))), "psnr_rgb")
    assert "● 5" in terminal_plot(points, **LABELS, width=60)
