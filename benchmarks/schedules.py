"""The picture of docs/schedules.md: the three curves of each schedule, over its nodes.

python benchmarks/schedules.py docs/images/schedules.svg
"""

import argparse
from pathlib import Path

from curves import Curve, Panel, drawn

import i2sbkit
from i2sbkit.files import write_text

SHOWN = {
    "i2sb": {"beta_max": 0.3},
    "brownian": {"std": 0.5},
    "vp": {},
    "ve": {"t_max": 10.0},
    "resshift": {"kappa": 0.5, "steps": 1000},
    "flow": {},
    "diffusion": {},
}
POINTS = 100


def picture() -> str:
    """SVG; two rows of panels."""
    panels = [panel(name, options) for name, options in SHOWN.items()]
    return drawn([panels[:4], panels[4:]])


def panel(name: str, options: dict[str, float]) -> Panel:
    """A, B and C of a schedule, from the clean end to the degraded one."""
    tables = i2sbkit.registry.build("schedule", name, **options).curves
    last = len(tables.std) - 1
    nodes = [round(last * k / POINTS) for k in range(POINTS + 1)]
    curves = {"A, of x0": tables.mean_x0, "B, of x1": tables.mean_x1, "C, of noise": tables.std}
    drawn_curves = [
        Curve(label, [(n / last, float(table[n])) for n in nodes]) for label, table in curves.items()
    ]  # fmt: skip
    told = ", ".join(f"{key} {value:g}" for key, value in options.items() if key != "steps")
    return Panel(f"{name} ({told})" if told else name, "n / (N - 1)", drawn_curves)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    write_text(parser.parse_args().path, picture())
