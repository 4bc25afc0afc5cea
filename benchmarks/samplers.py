"""The samplers where the answer is known: order, bias and variance, on every schedule that they fit.

    python benchmarks/samplers.py [--write docs/samplers.md]

x0 is a mixture of two Gaussians, x1 = A x0 + noise, and the denoiser is the exact one (`i2sbkit.analytic`). Prints
Markdown tables; --write puts them into the page and draws docs/images/samplers.svg. Takes minutes on one core.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from curves import Curve, Panel, drawn
from peers.page import write_between
from torch import Tensor

import i2sbkit
from i2sbkit.analytic import Draws, GaussianMixture, LinearProblem, draws, farthest_error
from i2sbkit.files import write_text
from i2sbkit.kernel.registry import build

MARK = "<!-- benchmarks/samplers.py writes {}: begin -->"
PICTURE = "![Error over steps, variance and bias of draws over nfe, for each sampler](images/samplers.svg)"
SCHEDULES: dict[str, dict[str, float]] = {
    "i2sb": {"beta_max": 0.3},
    "brownian": {"std": 0.5},
    "vp": {},
    "ve": {"t_max": 10.0},
    "resshift": {"kappa": 0.5},
    "diffusion": {},
    "flow": {},
}
FINE, COARSE = 10_001, 1_001
"""Nodes where orders, and where laws are measured."""
START, END, STEPS = 7800, 1800, (10, 20, 40, 80)
AUTHORS, AUTHORS_INSIDE = 1000, (800, 160)
"""Nodes of `i2sb`, and between which of them its orders are measured: its tables are the authors', not finer ones."""
NFES = (1, 2, 3, 5, 10, 20, 50)
LEVELS, AT, SIDE = (0.1, 0.3, 0.5, 0.7, 0.9), 0.2, 96
"""Walks that are followed, x1 of these, and the side of the picture each pixel of which is a draw."""
DRAWN = ("i2sb", "vp", "diffusion")
"""In the picture."""


@dataclass(frozen=True)
class Kind:
    """A sampler as a row: its name, and how it is made of an nfe.

    Attributes:
        order: as claimed; None where each step draws.
        straight: of the bridge without noise.
    """

    name: str
    make: Callable[[int], i2sbkit.Sampler]
    order: int | None
    straight: bool = False


def kind(label: str, name: str, claimed: int | None, straight: bool = False, **options: object) -> Kind:
    return Kind(label, lambda nfe: build("sampler", name, nfe=nfe, **options), claimed, straight)


KINDS = (
    kind("sde", "sde", None),
    kind("dbim", "dbim", 1),
    kind("dbim, order 2", "dbim", 2, order=2),
    kind("dbim, order 3", "dbim", 3, order=3),
    kind("dbmsolver", "dbmsolver", 2),
    kind("ode", "ode", 1, straight=True),
    kind("ode2", "ode2", 2, straight=True),
)


def fits(schedule: str, sampler: Kind) -> bool:
    """Whether it is a pair that the tables have: on diffusion the walks of `ode` are those of `dbim`."""
    return sampler.straight if schedule == "flow" else not (sampler.straight and schedule == "diffusion")


def numbers(values: Sequence[Any]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def line() -> LinearProblem:
    """Of numbers, where the walks are known."""
    return LinearProblem(
        GaussianMixture(numbers([0.4, 0.6]), numbers([[-0.6], [0.5]]), numbers([[[0.04]], [[0.09]]])),
        numbers([[0.7]]),
        noise=0.5,
    )


def plane() -> LinearProblem:
    """Of pairs of numbers that A mixes."""
    covariances = numbers([[[0.04, 0.01], [0.01, 0.03]], [[0.06, -0.02], [-0.02, 0.05]]])
    prior = GaussianMixture(numbers([0.4, 0.6]), numbers([[-0.5, 0.3], [0.4, -0.2]]), covariances)
    return LinearProblem(prior, numbers([[0.8, 0.3], [-0.2, 0.5]]), noise=0.4)


def bridge(schedule: str, steps: int, straight: bool) -> i2sbkit.Bridge:
    steps = AUTHORS if schedule == "i2sb" else steps
    return i2sbkit.Bridge(build("schedule", schedule, steps=steps, **SCHEDULES[schedule]), ot_ode=straight)


@cache
def exactly(schedule: str, straight: bool) -> tuple[i2sbkit.Bridge, i2sbkit.Denoise, Tensor]:
    """The bridge, its denoiser, and its exact walks."""
    here, problem = bridge(schedule, FINE, straight), line()
    x1 = None if straight else torch.full((1, 1, 1, len(LEVELS)), AT, dtype=torch.float64)
    return here, problem.denoiser(here, x1), problem.walk(here, numbers(LEVELS), None if straight else AT)


def inside(schedule: str, steps: int) -> tuple[int, int, int]:
    """As `farthest_error` takes it."""
    return (*(AUTHORS_INSIDE if schedule == "i2sb" else (START, END)), steps)


def errors() -> dict[tuple[str, str], list[float]]:
    """Of each pair, for each number of steps."""
    return {
        (schedule, each.name): [
            farthest_error(each.make, *exactly(schedule, each.straight), inside(schedule, steps), AT) for steps in STEPS
        ]
        for schedule in SCHEDULES
        for each in KINDS
        if each.order and fits(schedule, each)
    }


def laws() -> dict[tuple[str, str], list[Draws]]:
    """Bias and variance of each pair, for each nfe."""
    problem, x1 = plane(), numbers([0.05, 0.0])
    return {
        (schedule, each.name): [
            draws(
                each.make(nfe), bridge(schedule, COARSE, each.straight), problem,
                None if each.straight else x1, SIDE, seed=0,
            )
            for nfe in NFES
        ]
        for schedule in SCHEDULES
        for each in KINDS
        if fits(schedule, each)
    }  # fmt: skip


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def order_table(found: dict[tuple[str, str], list[float]]) -> list[str]:
    claimed = {each.name: each.order for each in KINDS}
    head = ["schedule", "sampler", *(f"{steps} steps" for steps in STEPS), "order: claimed", "measured"]
    return table(
        head,
        [
            [
                *(schedule, f"`{name}`", *(f"{e:.1e}" for e in each)),
                *(str(claimed[name]), f"{math.log2(each[-2] / each[-1]):.2f}"),
            ]
            for (schedule, name), each in found.items()
        ],
    )


def law_table(found: dict[tuple[str, str], list[Draws]], which: str) -> list[str]:
    head = ["schedule", "sampler", *(f"nfe {nfe}" for nfe in NFES)]
    return table(head, [[s, f"`{n}`", *(f"{getattr(e, which):.2f}" for e in each)] for (s, n), each in found.items()])


def picture(orders: dict[tuple[str, str], list[float]], found: dict[tuple[str, str], list[Draws]]) -> str:
    """Errors above, the variance and the bias of draws below."""
    logs = {"log_x": True, "marked": True}
    top = [Panel(f"{name}: error", "steps", curves(name, STEPS, orders), log_y=True, **logs) for name in DRAWN]
    rows = [top]
    for which, title in (("variance", "variance, 1 is exact"), ("bias", "bias, in deviations")):
        values = {key: [getattr(each, which) for each in row] for key, row in found.items()}
        rows.append([Panel(f"{name}: {title}", "nfe", curves(name, NFES, values), **logs) for name in DRAWN])
    return drawn(rows)


def curves(schedule: str, over: tuple[int, ...], values: dict[tuple[str, str], list[float]]) -> list[Curve]:
    """Those of a schedule, a sampler each."""
    return [Curve(name, list(zip(over, row, strict=True))) for (own, name), row in values.items() if own == schedule]


def main(page: Path | None) -> None:
    """Measure, print, and write what is asked for."""
    orders, found = errors(), laws()
    parts = {
        "orders": order_table(orders),
        "variance": law_table(found, "variance"),
        "bias": law_table(found, "bias"),
    }
    for title, lines in parts.items():
        print("\n".join([f"## {title}", "", *lines]), end="\n\n")
        if page is not None:
            write_between(page, title, lines, MARK)
    if page is not None:
        write_between(page, "picture", [PICTURE], MARK)
        write_text(page.parent / "images/samplers.svg", picture(orders, found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page to write the tables to")
    main(parser.parse_args().write)
