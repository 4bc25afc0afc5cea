"""Curves in panels as one SVG file, which a browser shows without anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from i2sbkit.report.axes import Axis, axis

WIDTH, HEIGHT, LEFT, TOP, GAP = 250, 170, 52, 64, 92
COLOURS = ("#1f5fbf", "#c0392b", "#e08e0b", "#5b8c2a", "#7d3c98")
DASHES = ("", "", "6 3", "", "6 3")
INK, GRID = "#333333", "#dddddd"


@dataclass(frozen=True)
class Curve:
    """Points joined in the order they are given in."""

    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """Curves over one logarithmic axis."""

    title: str
    x_label: str
    curves: Sequence[Curve]
    log_y: bool = False


def drawn(rows: Sequence[Sequence[Panel]]) -> str:
    """The file: panels in rows, the key above them."""
    width = LEFT + max(map(len, rows)) * (WIDTH + GAP) - GAP + 20
    height = TOP + len(rows) * (HEIGHT + GAP) - 20
    labels = list(dict.fromkeys(curve.label for row in rows for panel in row for curve in panel.curves))
    inside = [*_key(labels)]
    for line, row in enumerate(rows):
        for column, panel in enumerate(row):
            place = f"translate({LEFT + column * (WIDTH + GAP)} {TOP + line * (HEIGHT + GAP)})"
            inside += [f'<g transform="{place}">', *_panel(panel, labels), "</g>"]
    titles = ", ".join(panel.title for row in rows for panel in row)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-size="12" '
            'font-family="system-ui, sans-serif">',
            f"<title>{escape(titles)}</title>",
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *inside,
            "</svg>",
            "",
        ]
    )


def _key(labels: Sequence[str]) -> Iterator[str]:
    for number, label in enumerate(labels):
        x = LEFT + 150 * number
        yield f'<line x1="{x}" x2="{x + 24}" y1="20" y2="20" {_stroke(number)}/>'
        yield f'<text x="{x + 30}" y="24" fill="{INK}">{escape(label)}</text>'


def _panel(panel: Panel, labels: Sequence[str]) -> Iterator[str]:
    points = [point for curve in panel.curves for point in curve.points]
    yield f'<text y="-10" fill="{INK}" font-weight="bold">{escape(panel.title)}</text>'
    if not points:
        return
    across = axis([x for x, _ in points], log=True, margin=0.04)
    up = axis([y for _, y in points], log=panel.log_y)
    yield from _ticks(across, up)
    yield f'<text x="{WIDTH}" y="{HEIGHT + 36}" text-anchor="end" fill="{INK}">{escape(panel.x_label)}</text>'
    for curve in panel.curves:
        number = labels.index(curve.label)
        places = [(WIDTH * across.share(x), HEIGHT * (1 - up.share(y))) for x, y in curve.points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{joined}" fill="none" {_stroke(number)}/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{COLOURS[number]}"/>' for x, y in places)


def _ticks(across: Axis, up: Axis) -> Iterator[str]:
    for value, text in across.ticks:
        x = WIDTH * across.share(value)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT}" stroke="{GRID}"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT + 18}" text-anchor="middle" fill="{INK}">{text}</text>'
    for value, text in up.ticks:
        y = HEIGHT * (1 - up.share(value))
        yield f'<line x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
        yield f'<text x="-8" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{text}</text>'


def _stroke(number: int) -> str:
    dashes = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
    return f'stroke="{COLOURS[number]}" stroke-width="2"{dashes}'
