"""The colours of series: read from the style sheet, and judged for all readers."""

import itertools
import re

import pytest
import torch

from i2sbkit.report.drawing import SHAPES
from i2sbkit.report.html import asset

SCHEMES = pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
SIGHT = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
"""What becomes of linear RGB: Machado, Oliveira and Fernandes 2009, severity 1."""
XYZ = torch.tensor([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = XYZ.sum(1)


def linear(name, scheme):
    """A colour of the style sheet as linear RGB."""
    text = re.findall(rf"--{name}: #(\w{{6}});", asset("style.css"))[scheme]
    x = torch.tensor([int(text[k : k + 2], 16) / 255 for k in (0, 2, 4)])
    return torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE 1976 L*a*b* of linear RGB."""
    x = XYZ @ rgb.clamp(0, 1) / WHITE
    f = torch.where(x > 0.008856, x ** (1 / 3), 7.787 * x + 16 / 116)
    return torch.stack([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@SCHEMES
@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_colours_stand_out(scheme, number):
    """Text in the colour of a series has a contrast of 4.5 to 1 on its card, as WCAG 2.2 asks for."""
    card, color = (float(XYZ[1] @ linear(name, scheme)) for name in ("card", f"series-{number}"))
    light, dark = max(card, color), min(card, color)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@SCHEMES
@pytest.mark.parametrize("sight", SIGHT)
def test_colours_differ_to_every_reader(scheme, sight):
    """Whichever cones one lacks, any two are 15 apart in L*a*b*; what can just be told apart is 2 to 3 apart."""
    matrix = torch.tensor(SIGHT[sight], dtype=torch.float32)
    seen = [lab(matrix @ linear(f"series-{k}", scheme)) for k in range(len(SHAPES))]
    assert min(float((a - b).norm()) for a, b in itertools.combinations(seen, 2)) > 15
