"""What pages leave to the program to say: markers that become its own words when the site is built.

`<!-- command line -->` becomes all of --help; `<!-- options of KIND NAME -->` a table of a part's options;
a page with `<!-- text of PATH -->` is another file of the checkout. On GitHub a marker is a comment, which nobody sees.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from help_text import command_line
from part_options import options_table

DOCS = Path(__file__).parent.parent
ROOT = DOCS.parent
MARKER = re.compile(r"^<!-- (command line|options of (\S+) (\S+)|text of (\S+)) -->$", re.MULTILINE)
LINK = re.compile(r"(!?)\[((?:[^\]\[]|!?\[[^\]]*\])*)\]\(([^):#\s]+)(#[^)\s]*)?\)")


def filled(text: str, page: Path) -> str:
    """The Markdown of a page with its markers replaced, and its links leading to what a site has; `page` is its path.

    Raises:
        i2sbkit.Error, FileNotFoundError: a marker names a part or file that is not there.
    """
    found = MARKER.search(text)
    if found and found[4]:
        shown = ROOT / found[4]
        return led(shown.read_text("utf-8"), shown.parent, page.parent)
    text = led(text, page.parent, page.parent)
    return MARKER.sub(lambda found: options_table(found[2], found[3]) if found[2] else command_line(), text)


def led(text: str, source: Path, target: Path) -> str:
    """Markdown that lies in `source`, for a page in `target`: each link goes where it went, or becomes text.

    A Markdown file outside docs is reached by the page that shows it. Other files are there to be downloaded; folders
    a site does not have.
    """
    return LINK.sub(_leading(source, target, _pages_that_show()), text)


def _leading(source: Path, target: Path, shown: dict[Path, Path]) -> Callable[[re.Match[str]], str]:
    def lead(found: re.Match[str]) -> str:
        picture, words, link, anchor = found.groups()
        place = source.joinpath(link).resolve()
        place = shown.get(place, place)
        elsewhere = place.suffix == ".md" and DOCS not in place.parents
        if place.is_dir() or elsewhere:
            return words
        return f"{picture}[{words}]({Path(os.path.relpath(place, target)).as_posix()}{anchor or ''})"

    return lead


def _pages_that_show() -> dict[Path, Path]:
    """Which page shows a file that lies outside docs."""
    markers = ((page, MARKER.search(page.read_text("utf-8"))) for page in DOCS.rglob("*.md"))
    return {ROOT / found[4]: page for page, found in markers if found and found[4]}


def _read(app: Any, name: str, source: list[str]) -> None:
    source[0] = filled(source[0], Path(app.env.doc2path(name)))


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
