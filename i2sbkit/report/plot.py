"""A scatter plot in a page: inline SVG that takes the page's colours, with its key."""

from __future__ import annotations

from collections.abc import Sequence

from .drawing import Drawing, look, shape
from .html import NOTHING, Html, escape, fill, joined
from .points import Point, series_of, sorted_out


def scatter(points: Sequence[Point], *, title: str, x_label: str, y_label: str, log_x: bool = True) -> Html:
    """Points, joined within each series, on the Pareto front filled, picked ones with a ring and their mark.

    A label that would cover another one is left out; the pointer still shows it. Points that have no place, such as
    those of an infinite value, are named below.
    """
    shown, left_out = sorted_out(points, log_x)
    series = series_of(points)
    plot = Drawing(shown, series, log_x) if shown else None
    return fill(
        "plot.html",
        title=title,
        x_label=x_label,
        y_label=y_label,
        description=f"{title}, {y_label}, against {x_label}. {_description(shown, series)}",
        key=_key(series),
        axes=plot.axes() if plot else NOTHING,
        lines=plot.lines() if plot else NOTHING,
        points=plot.points(x_label) if plot else NOTHING,
        note=Html(f'<p class="note">{escape(left_out)}</p>') if left_out else NOTHING,
    )


def _key(series: Sequence[str]) -> Html:
    """Which marker and colour is which series."""
    return joined(
        Html(
            f'<li><svg class="{look(index)} on-front" viewBox="-7 -7 14 14" width="14" height="14" aria-hidden="true">'
            f"{shape(index)}</svg>{escape(name)}</li>"
        )
        for index, name in enumerate(series)
    )


def _description(points: Sequence[Point], series: Sequence[str]) -> str:
    """What is in the plot, for those who do not see it."""
    front = [f"{p.series} {p.label}" for p in sorted(points, key=lambda p: p.x) if p.front]
    said = [f"{len(points)} points of {', '.join(series)}"]
    said += [f"On the Pareto front, from left to right: {', '.join(front)}"] if front else []
    said += [f"{p.mark}: {p.series} {p.label} at {p.x:.3g}, {p.y:.5g}" for p in points if p.mark]
    return ". ".join([*said, "The numbers are in the table."])
