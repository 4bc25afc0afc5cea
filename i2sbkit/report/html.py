"""Text into HTML templates: what is put in is escaped unless it is HTML already."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from ..printable import one_line

HERE = Path(__file__).parent


class Html(str):
    """A string that is HTML: it goes into a template as it is."""

    __slots__ = ()


NOTHING = Html()


def escape(text: object) -> Html:
    """Text as HTML shows it, on one line; file names are hostile: they hold markup, quotes and control characters."""
    return Html(html.escape(one_line(text)))


def escape_lines(text: str) -> Html:
    """The same for text of several lines, which stay lines."""
    return Html("\n".join(escape(line) for line in text.split("\n")))


def fill(template: str, /, **values: object) -> Html:
    """A template of this package with values in its places: `Html` as it is, all else escaped."""
    known = {key: value if isinstance(value, Html) else escape(value) for key, value in values.items()}
    return Html(Template(asset(template)).substitute(known))


def asset(name: str) -> str:
    """A text file of this package."""
    return HERE.joinpath(name).read_text("utf-8")


def joined(parts: Iterable[Html]) -> Html:
    """Pieces of HTML, one after the other."""
    return Html("\n".join(parts))


def definitions(facts: Iterable[tuple[str, object]]) -> Html:
    """Terms and what they are, as the inside of a <dl>."""
    return joined(Html(f"<div><dt>{escape(term)}</dt><dd>{_inline(value)}</dd></div>") for term, value in facts)


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """A table whose first column names its rows, in a box of its own to scroll in."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in header)
    return Html(
        f'<div class="card scroll" role="region" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{joined(_row(row) for row in rows)}</tbody></table></div>"
    )


def _row(row: Sequence[object]) -> Html:
    first, *others = map(_inline, row)
    return Html(f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>')


def _inline(value: object) -> Html:
    return value if isinstance(value, Html) else escape(value)
