"""The page of pictures: settings, a table, and an entry each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..files import write_text
from .document import document
from .entries import Entry, entry_html
from .html import NOTHING, Html, definitions, escape, escape_lines, fill, joined


@dataclass(frozen=True)
class Page:
    """What is on a page, from top to bottom.

    Attributes:
        title, lead: what this is, and a sentence about it.
        tiles: the few numbers that matter most, with what they are.
        failures: what went wrong, a message each.
        settings: how it was made.
        recipe: TOML.
        overview: a table, or nothing.
        entries: the pictures; `anchor` names their places.
        footer: what else is worth knowing, such as limits.
    """

    title: str
    lead: str
    tiles: Sequence[tuple[str, object]]
    settings: Sequence[tuple[str, object]]
    recipe: str
    overview: Html = NOTHING
    entries: Sequence[Entry] = ()
    failures: Sequence[str] = ()
    footer: str = ""


def anchor(index: int) -> str:
    """The id of the entry of that index."""
    return f"picture-{index + 1}"


def render(page: Page) -> Html:
    """The page as HTML."""
    pictures = [entry_html(entry, anchor(index)) for index, entry in enumerate(page.entries)]
    main = fill(
        "page.html",
        failures=_failures(page.failures) if page.failures else NOTHING,
        settings=definitions(page.settings),
        recipe=escape_lines(page.recipe),
        overview=page.overview,
        pictures=joined(pictures) if pictures else Html("<p>None.</p>"),
    )
    return document(title=page.title, lead=page.lead, tiles=page.tiles, main=main, footer=page.footer)


def write_page(path: Path, page: Page) -> None:
    """Write the page, whole or not at all."""
    write_text(path, render(page))


def _failures(failures: Sequence[str]) -> Html:
    items = joined(Html(f"<li>{escape(message)}</li>") for message in failures)
    title = "1 file failed" if len(failures) == 1 else f"{len(failures)} files failed"
    return Html(f'<section class="card failures" aria-label="Failures"><h2>{title}</h2><ul>{items}</ul></section>')
