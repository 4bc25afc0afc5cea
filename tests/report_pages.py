"""What the tests of reports share: a page of two photographs, made without a network."""

import html
import re
from pathlib import Path

import torch
from pictures import photo

from i2sbkit import from_pil
from i2sbkit.report.entries import Entry, Spread
from i2sbkit.report.film import Film
from i2sbkit.report.html import table
from i2sbkit.report.page import Page, write_page
from i2sbkit.report.previews import heat, preview

HOSTILE = "<script>document.title = 'owned'</script> \"q\" 'a' &amp; {{x}} $name ${name}\nnew\u202eline .png"
NODES = (999, 800, 600, 400, 200)


def entry(name: str, width: int = 120, height: int = 80) -> Entry:
    """A white picture that became a photograph, over five nodes."""
    after = from_pil(photo(width, height))
    before = torch.ones_like(after)
    film = Film(len(NODES))
    for k, n in enumerate(NODES):
        film.watch(n, torch.lerp(before, after, k / len(NODES))[None], after[None])
    film.end(after)
    facts = [("Pixels", f"{width} × {height}"), ("Seed", 0)]
    spread = Spread(*heat(torch.rand(height, width)), draws=4)
    return Entry(name, preview(before), preview(after), facts=facts, film=film.frames, spread=spread)


def write_report(path: Path, *names: str) -> Path:
    """Write a page with an entry for each name, all kinds of text among them."""
    rows = [(name, "120 × 80", "1.23", "20.00 → 22.00 dB", "0.9000 → 0.9500") for name in names]
    page = Page(
        title=f"{len(names)} pictures restored",
        lead="For tests.",
        tiles=[("Restored", "2 of 3"), ("Mean PSNR", "20.00 → 22.00 dB")],
        settings=[("Weights", "none"), ("File", HOSTILE)],
        recipe='[corruption]\nname = "</pre><b>"\n',
        overview=table("All", ("File", "Pixels", "Seconds", "PSNR", "SSIM"), rows),
        entries=[entry(name) for name in names],
        failures=[f"{HOSTILE}: bad"],
        footer="Nothing is loaded.",
    )
    write_page(path, page)
    return path


def text_of(path: str | Path = "r.html"):
    """The visible text of a page, tags taken away."""
    body = re.sub(r"<(script|style)>.*?</\1>", "", Path(path).read_text("utf-8"), flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", body))
