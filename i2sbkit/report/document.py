"""What all pages have in common: one HTML file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from .. import __version__
from .html import Html, asset, definitions, fill


def document(*, title: str, lead: str, tiles: Sequence[tuple[str, object]], main: Html, footer: str) -> Html:
    """A whole page: its head, with the few numbers that matter most as tiles, then its main part and its footer."""
    style, script = asset("style.css"), asset("script.js")
    return fill(
        "document.html",
        title=title,
        lead=lead,
        tiles=definitions(tiles),
        main=main,
        footer=footer,
        generator=f"i2sbkit {__version__}",
        style=Html(style),
        script=Html(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    """As a content security policy names what it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
