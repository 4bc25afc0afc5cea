"""Panels of curves as one SVG file, over axes that are even or logarithmic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from i2sbkit.report.axes import Axis, axis

WIDTH, HEIGHT, LEFT, TOP, GAP, KEY = 230, 160, 56, 64, 84, 124
COLOURS = ("#1f5fbf", "#c0392b", "#e08e0b", "#5b8c2a", "#7d3c98", "#0f8b8d", "#8c564b")
INK, GRID = "#333333", "#dddddd"


@dataclass(frozen=True)
class Curve:
    """Points joined in the order they are given in; curves of one label look alike in every panel."""

    label: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves over one pair of axes; `marked`: a dot at each point."""

    title: str
    x_label: str
    curves: Sequence[Curve]
    log_x: bool = False
    log_y: bool = False
    marked: bool = False


def drawn(rows: Sequence[Sequence[Panel]]) -> str:
    """The file: panels in rows, the key above them."""
    width = LEFT + max(map(len, rows)) * (WIDTH + GAP) - GAP + 20
    height = TOP + len(rows) * (HEIGHT + GAP) - 20
    panels = [panel for row in rows for panel in row]
    looks = {curve.label: curve.dashed for panel in panels for curve in panel.curves}
    labels = list(looks)
    inside = [*_key(looks)]
    for line, row in enumerate(rows):
        for column, panel in enumerate(row):
            place = f"translate({LEFT + column * (WIDTH + GAP)} {TOP + line * (HEIGHT + GAP)})"
            inside += [f'<g transform="{place}">', *_panel(panel, labels), "</g>"]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-size="12" '
            'font-family="system-ui, sans-serif">',
            f"<title>{escape(', '.join(panel.title for panel in panels))}</title>",
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *inside,
            "</svg>",
            "",
        ]
    )


def _key(looks: Mapping[str, bool]) -> Iterator[str]:
    for number, (label, dashed) in enumerate(looks.items()):
        x = LEFT + KEY * number
        yield f'<line x1="{x}" x2="{x + 22}" y1="20" y2="20" {_stroke(number, dashed)}/>'
        yield f'<text x="{x + 28}" y="24" fill="{INK}">{escape(label)}</text>'


def _panel(panel: Panel, labels: Sequence[str]) -> Iterator[str]:
    points = [point for curve in panel.curves for point in curve.points]
    yield f'<text y="-10" fill="{INK}" font-weight="bold">{escape(panel.title)}</text>'
    if not points:
        return
    across = axis([x for x, _ in points], log=panel.log_x, margin=0.04)
    up = axis([y for _, y in points], log=panel.log_y)
    yield from _ticks(across, up)
    yield f'<text x="{WIDTH}" y="{HEIGHT + 36}" text-anchor="end" fill="{INK}">{escape(panel.x_label)}</text>'
    for curve in panel.curves:
        number = labels.index(curve.label)
        places = [(WIDTH * across.share(x), HEIGHT * (1 - up.share(y))) for x, y in curve.points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{joined}" fill="none" {_stroke(number, curve.dashed)}/>'
        for x, y in places if panel.marked else ():
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{COLOURS[number]}"/>'


def _ticks(across: Axis, up: Axis) -> Iterator[str]:
    for value, text in across.ticks:
        x = WIDTH * across.share(value)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT}" stroke="{GRID}"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT + 18}" text-anchor="middle" fill="{INK}">{text}</text>'
    for value, text in up.ticks:
        y = HEIGHT * (1 - up.share(value))
        yield f'<line x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
        yield f'<text x="-8" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{text}</text>'


def _stroke(number: int, dashed: bool) -> str:
    dashes = ' stroke-dasharray="6 3"' if dashed else ""
    return f'stroke="{COLOURS[number]}" stroke-width="2"{dashes}'
