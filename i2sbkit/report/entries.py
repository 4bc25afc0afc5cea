"""One picture on the page: the slider, the film, where draws differ, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .film import Frame
from .html import NOTHING, Html, definitions, escape, fill, joined
from .previews import Preview

SHOWN = (1024, 720)
"""Width and height, in CSS pixels, that the pictures of a slider are enlarged or shrunk to at most, ..."""
ENLARGED, PIXELATED = 8.0, 4.0
"""... by at most this factor; from the second one on pixels are shown as squares."""


@dataclass(frozen=True)
class Spread:
    """A map of where draws differ; `top` is the standard deviation, in levels of 255, from which on it is lightest."""

    picture: Preview
    top: float
    draws: int


@dataclass(frozen=True)
class Entry:
    """One picture on the page.

    Attributes:
        name: what it is called; any text.
        before, after: of one size.
        labels: what those two are.
        facts: terms and their values, in order.
        film: the walk between them; fewer than two frames are none.
        spread: where there are several draws.
        clean: the picture as it should be, of the same size, where it is known.
    """

    name: str
    before: Preview
    after: Preview
    labels: tuple[str, str] = ("before", "restored")
    facts: Sequence[tuple[str, object]] = ()
    film: Sequence[Frame] = ()
    spread: Spread | None = None
    clean: Preview | None = None


def entry_html(entry: Entry, anchor: str) -> Html:
    """An entry, to be linked to by `anchor`."""
    factor = min(SHOWN[0] / entry.after.width, SHOWN[1] / entry.after.height, ENLARGED)
    look: dict[str, object] = {
        "width": max(1, round(entry.after.width * factor)),
        "height": max(1, round(entry.after.height * factor)),
        "pixelated": " pixelated" if factor >= PIXELATED else "",
    }
    return fill(
        "picture.html",
        id=anchor,
        name=entry.name,
        before=entry.before.uri,
        after=entry.after.uri,
        before_label=entry.labels[0],
        after_label=entry.labels[1],
        **look,
        clean=fill("clean.html", name=entry.name, clean=entry.clean.uri, **look) if entry.clean else NOTHING,
        choice=fill("choice.html", id=anchor, before_label=entry.labels[0]) if entry.clean else NOTHING,
        facts=definitions(entry.facts),
        film=_film(entry) if len(entry.film) > 1 else NOTHING,
        spread=_spread(entry.name, entry.spread) if entry.spread else NOTHING,
    )


def _film(entry: Entry) -> Html:
    first, last = entry.film[0], entry.film[-1]
    frames = joined(
        Html(
            f'<li><img src="{frame.picture.uri}" width="{frame.picture.width}" height="{frame.picture.height}" '
            f'data-n="{frame.n}" alt="{escape(entry.name)} at node {frame.n}" decoding="async"></li>'
        )
        for frame in entry.film
    )
    return fill(
        "film.html",
        name=entry.name,
        width=first.picture.width,
        height=first.picture.height,
        last=len(entry.film) - 1,
        first=first.n,
        n=last.n,
        frames=frames,
    )


def _spread(name: str, spread: Spread) -> Html:
    return fill(
        "spread.html",
        uri=spread.picture.uri,
        width=spread.picture.width,
        height=spread.picture.height,
        name=name,
        top=f"{spread.top:.1f}",
        draws=spread.draws,
    )
