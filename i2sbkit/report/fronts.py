"""Quality against seconds: the arms of an evaluation as points of a plot."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..results.evaluation import Arm, Results
from ..results.pareto import front
from ..results.tables import value_of
from .points import Point

SECONDS = "seconds a picture"


def quality_points(results: Results, column: str, marks: Mapping[str, str] | None = None) -> list[Point]:
    """A point for each arm that restores and has a value: a series for each sampler, in order of nfe.

    Args:
        marks: what arms are picked as, by their label.
    """
    found = [
        (each.arm, each.seconds, value)
        for each in results.arms
        if each.seconds is not None and (value := value_of(each, column)) is not None
    ]
    higher = results.higher_is_better[column]
    on_front = set() if higher is None else set(front([(x, y) for _, x, y in found], higher))
    points = [
        Point(_series(arm), _label(arm), x, y, k in on_front, (marks or {}).get(arm.label, ""))
        for k, (arm, x, y) in enumerate(found)
    ]
    order = sorted(range(len(found)), key=lambda k: _nfe(found[k][0]))
    return [points[k] for k in order]


def better(results: Results, column: str) -> str:
    """Which way a column is better, for the axis of a plot."""
    return {True: "higher is better", False: "lower is better", None: ""}[results.higher_is_better[column]]


def _series(arm: Arm) -> str:
    others = {name: value for name, value in arm.options.items() if name != "nfe"}
    return Arm(arm.sampler, others).label


def _label(arm: Arm) -> str:
    return "" if arm.nfe is None else str(arm.nfe)


def _nfe(arm: Arm) -> float:
    return math.inf if arm.nfe is None else arm.nfe
