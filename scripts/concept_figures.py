"""Draw the figures of docs/concepts.md, as SVG, from our own schedules and samplers: python scripts/concept_figures.py

concepts-curves.svg: how much of x0, x1 and noise a state holds. concepts-walks.svg: one pixel on its way from x1 to x0,
by three samplers, with a denoiser that is exact. A test draws them again and compares.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

import i2sbkit
from i2sbkit.report.axes import Axis, axis

IMAGES = Path(__file__).parent.parent / "docs/images"
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 340, 220, 46, 30, 38
COLOURS = ("#1f6fb2", "#c2571a", "#4b8b3b", "#8a4fa3")
STYLE = "text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600}.g{stroke:#ddd}path,polyline{fill:none}"
CLEAN, DEGRADED, WALKS, NFE = (-0.6, 0.6), 0.15, 8, 50
DEVIATION = 0.5
"""Of the Brownian bridge that is walked."""

Line = tuple[Sequence[float], Sequence[float], int]
"""x, y and the number of its colour."""


def main() -> None:
    """Write both."""
    for name, text in figures():
        IMAGES.joinpath(name).write_text(text, "utf-8")


def figures() -> Iterator[tuple[str, str]]:
    """Names and SVG."""
    yield "concepts-curves.svg", _side_by_side([_curves("i2sb", beta_max=0.3), _curves("brownian", std=DEVIATION)])
    yield "concepts-walks.svg", _side_by_side([_walks("sde"), _walks("dbim"), _walks("ode")])


def _curves(name: str, **options: float) -> str:
    tables = i2sbkit.registry.build("schedule", name, **options).curves
    nodes = list(range(0, len(tables.time), 9))
    lines = [(nodes, table[nodes].tolist(), k) for k, table in enumerate((tables.mean_x0, tables.mean_x1, tables.std))]
    labels = [("A, of x0", 0.17, 0.93, 0), ("B, of x1", 0.6, 0.93, 1), ("C, of noise", 0.36, 0.3, 2)]
    return _panel(f"the schedule {name}", lines, labels, (0.0, 999.0), (0.0, 1.0), "node n: clean to degraded")


def _walks(name: str) -> str:
    bridge = i2sbkit.Bridge(i2sbkit.registry.build("schedule", "brownian", std=DEVIATION))
    sampler = i2sbkit.registry.build("sampler", name, nfe=NFE)
    ot_ode = name == "ode"
    walked = i2sbkit.Bridge(bridge.schedule, ot_ode=True) if ot_ode else bridge
    x1 = torch.full((WALKS, 1, 1, 1), DEGRADED, dtype=torch.float64)
    nodes, states = [len(bridge) - 1], [x1.flatten()]
    for state in sampler.sample(lambda x, n: _estimate(walked, x, x1, n), walked, x1, i2sbkit.Rng(range(WALKS))):
        nodes.append(state.n)
        states.append(state.x.flatten())
    lines = [(nodes, walk.tolist(), k % len(COLOURS)) for k, walk in enumerate(torch.stack(states).T)]
    title = {"sde": "sde: noise at each step", "dbim": "dbim: noise at the first", "ode": "ode: none"}[name]
    return _panel(title, lines, [], (0.0, 999.0), (-1.0, 1.0), "node n: clean to degraded")


def _estimate(bridge: i2sbkit.Bridge, x: Tensor, x1: Tensor, n: int) -> Tensor:
    """E[x0 | x_n, x1] where x0 is one of the two values of CLEAN: what a perfect network would say."""
    t = bridge.tables
    a, b, c = float(t.mean_x0[n]), float(t.mean_x1[n]), float(t.std[n])
    if c == 0.0 or a == 0.0:
        return torch.full_like(x, sum(CLEAN) / 2)
    apart = (x - b * x1 - a * sum(CLEAN) / 2) * a * (CLEAN[1] - CLEAN[0]) / c**2
    return CLEAN[0] + (CLEAN[1] - CLEAN[0]) * torch.sigmoid(apart)


def _panel(title: str, lines: Sequence[Line], labels: Sequence[tuple[str, float, float, int]], x: tuple[float, float],
           y: tuple[float, float], below: str) -> str:  # fmt: skip
    across, up = axis(x, margin=0), axis(y, margin=0.04)
    parts = [f'<text class="t" x="{LEFT}" y="18">{title}</text>', *_grid(across, up)]
    for xs, ys, colour in lines:
        points = " ".join(f"{_x(across, a):.1f},{_y(up, b):.1f}" for a, b in zip(xs, ys, strict=True))
        parts.append(f'<polyline points="{points}" stroke="{COLOURS[colour]}" stroke-width="1.6"/>')
    for text, right, high, colour in labels:
        place = f'x="{LEFT + right * (WIDTH - LEFT - 12):.0f}" y="{_y(up, high):.0f}"'
        parts.append(f'<text {place} style="fill:{COLOURS[colour]}">{text}</text>')
    middle = (LEFT + WIDTH - 12) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{below}</text>')
    return "\n".join(parts)


def _grid(across: Axis, up: Axis) -> Iterator[str]:
    for value, text in up.ticks:
        y = _y(up, value)
        yield f'<path class="g" d="M{LEFT} {y:.1f}H{WIDTH - 12}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    for value, text in across.ticks:
        yield f'<text x="{_x(across, value):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{text}</text>'


def _x(across: Axis, value: float) -> float:
    return LEFT + across.share(value) * (WIDTH - LEFT - 12)


def _y(up: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - up.share(value) * (HEIGHT - BOTTOM - TOP)


def _side_by_side(panels: Sequence[str]) -> str:
    """One drawing on white, which is readable on dark pages too."""
    groups = [f'<g transform="translate({WIDTH * k} 0)">\n{panel}\n</g>' for k, panel in enumerate(panels)]
    size = f'viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" width="{WIDTH * len(panels)}" height="{HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{STYLE}</style>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff" rx="6"/>', *groups, "</svg>\n"])


if __name__ == "__main__":
    main()
