"""The page of `restore --report`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..document.toml_text import to_toml
from ..restoring import Restorer
from .collecting import LIMIT, Collector, Measured, Restored
from .entries import Entry
from .facts import made_at, settings_of
from .film import FRAMES
from .html import NOTHING, Html, escape, table
from .page import Page, anchor, write_page
from .plan import ReportPlan
from .previews import FRAME_SIDE, QUALITY, SIDE

METRICS = (("psnr_rgb", "PSNR (dB)", ".2f"), ("ssim_rgb", "SSIM", ".4f"))
"""A column, what the page calls it, and how it is written."""
HEADER = ("File", "Pixels", "Seconds")


@contextmanager
def reported(
    plan: ReportPlan | None, restorer: Restorer, samples: int, jobs: int, told: Mapping[str, Any]
) -> Iterator[Collector | None]:
    """Within the block pictures are restored; however it ends, the page is written of what was done until then.

    Args:
        plan: None for no report, and no collector.
        samples: draws a picture.
        jobs: how many files are to be restored.
        told: see `facts.settings_of`.
    """
    if plan is None:
        yield None
        return
    collector = Collector(restorer, samples, plan.references)
    try:
        yield collector
    finally:
        write_page(plan.page, restoration_page(collector, jobs, told))


def restoration_page(collector: Collector, jobs: int, told: Mapping[str, Any]) -> Page:
    """What was gathered, as a page.

    Args:
        jobs: how many files were to be restored.
        told: see `facts.settings_of`.
    """
    restored = collector.restored
    done = [each for each in restored if not each.outcome.error]
    weights = collector.restorer.weights
    lead = f"With the weights {weights.path.stem}, {made_at()}."
    if len(restored) < jobs:
        lead += f" Stopped before the end: {jobs - len(restored)} of {jobs} files were not reached."
    return Page(
        title=f"{len(done)} picture{'' if len(done) == 1 else 's'} restored",
        lead=lead,
        tiles=_tiles(done, jobs),
        settings=settings_of(collector.restorer, collector.samples, told),
        recipe=to_toml(weights.recipe.document),
        overview=_overview(done),
        entries=[replace(each.entry, facts=_facts(each, collector)) for each in done if each.entry],
        failures=[each.outcome.error for each in restored if each.outcome.error],
        footer=_footer(done),
    )


def _tiles(done: Sequence[Restored], jobs: int) -> list[tuple[str, object]]:
    seconds = sum(each.outcome.seconds for each in done)
    megapixels = sum(each.outcome.megapixels for each in done)
    tiles: list[tuple[str, object]] = [
        ("Restored", f"{len(done)} of {jobs}"),
        ("Time", duration(seconds)),
        ("Megapixels", f"{megapixels:.2f}"),
        ("Megapixels/s", f"{megapixels / seconds:.2f}" if seconds else "–"),
    ]
    measured = [each.measured for each in done if each.measured]
    if measured:
        before, after = _means([each.before for each in measured]), _means([each.after for each in measured])
        tiles += [
            (f"Mean {name}", Html(f"{_number(after[key], form)} <small>from {_number(before[key], form)}</small>"))
            for key, name, form in METRICS
        ]
    return tiles


def _means(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: sum(each[key] for each in values) / len(values) for key, _, _ in METRICS}


def duration(seconds: float) -> str:
    """Such as "3.2 s", "4 min 10 s" or "2 h 5 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _overview(done: Sequence[Restored]) -> Html:
    """A table of all files; one alone needs none."""
    if len(done) < 2:
        return NOTHING
    measured = any(each.measured for each in done)
    header = [*HEADER, *(name for _, name, _ in METRICS if measured)]
    shown = [each for each in done if each.entry]
    anchors = {id(each): anchor(index) for index, each in enumerate(shown)}
    rows = (_row(each, anchors.get(id(each))) for each in done)
    caption = "Metrics: as given → restored" if measured else "What was restored"
    body = table(caption, header, rows)
    return Html(f'<section aria-labelledby="all"><h2 id="all">All files</h2>{body}</section>')


def _row(each: Restored, place: str | None) -> list[object]:
    name = escape(each.outcome.input)
    link = Html(f'<a href="#{place}">{name}</a>') if place else name
    return [link, _size(each), f"{each.outcome.seconds:.2f}", *(value for _, value in _metrics(each.measured))]


def _facts(each: Restored, collector: Collector) -> list[tuple[str, object]]:
    entry, settings, sampler = each.entry, collector.restorer.settings, collector.restorer.sampler
    assert entry is not None
    return [
        ("Pixels", _size(each) + _shown(each, entry)),
        ("Megapixels", f"{each.outcome.megapixels:.2f}"),
        ("Time", duration(each.outcome.seconds)),
        ("Sampler", collector.restorer.sampler_name),
        ("Evaluations (nfe)", sampler.nfe),
        ("Seed", settings.seed),
        *_metrics(each.measured),
    ]


def _size(each: Restored) -> str:
    return "" if each.size is None else f"{each.size[0]} × {each.size[1]}"


def _shown(each: Restored, entry: Entry) -> str:
    """That a picture is shown smaller than it is."""
    width, height = entry.after.width, entry.after.height
    return "" if (width, height) == each.size else f" (here {width} × {height})"


def _metrics(measured: Measured | None) -> list[tuple[str, str]]:
    if measured is None:
        return []
    before, after = measured.before, measured.after
    return [(name, _change(before[key], after[key], form)) for key, name, form in METRICS]


def _change(before: float, after: float, form: str) -> str:
    """Such as "27.10 → 28.05"."""
    return f"{_number(before, form)} → {_number(after, form)}"


def _number(value: float, form: str) -> str:
    return format(value, form).replace("inf", "∞")


def _footer(done: Sequence[Restored]) -> str:
    shown = sum(each.entry is not None for each in done)
    limits = (
        f"Pictures are shown as WebP previews of at most {SIDE} pixels a side (quality {QUALITY}), films as at most "
        f"{FRAMES} frames of {FRAME_SIDE}; metrics and times are of the pictures themselves, megapixels of all draws. "
    )
    if shown < len(done):
        limits += f"The first {LIMIT} are shown, of the other {len(done) - shown} there are the numbers. "
    return limits + "This page loads nothing from anywhere."
