"""The tables of docs/repro.md, from what is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from curves import Curve, Panel, drawn
from peers.page import write_between
from repro_claims import LONG, claims
from repro_numbers import METRICS, Numbers, Result, Seconds
from repro_training import TASKS
from repro_trials import CURVE_NFES, CURVES, METHODS, NFES

from i2sbkit.files import write_text
from i2sbkit.kernel.errors import Error

MARK = "<!-- benchmarks/repro.py writes {}: begin -->"
LABELS = {
    ("i2sb", "sde"): "I²SB",
    ("diffusion", "sde"): "diffusion, DDPM",
    ("diffusion", "ode"): "diffusion, DDIM",
    ("ddnm", "sde"): "DDNM, DDPM",
    ("ddnm", "ode"): "DDNM, DDIM",
    ("i2sb-x1", "sde"): "I²SB that sees x1",
}
PICTURE = "![PSNR and Fréchet distance by network evaluations, and over the training](images/repro.svg)"
TITLES = {"psnr_rgb": "PSNR, dB ↑", "percep_efflite0": "percep_efflite0 ↓", "frechet_efflite0": "frechet_efflite0 ↓"}


def write(numbers: Path, page: Path) -> None:
    """Put everything into the page, and draw its picture beside it.

    Raises:
        Error: nothing is measured yet, or what is does not go together; or the page has no place for it.
    """
    known = Numbers(numbers)
    if not (shown := [task for task in TASKS if _last(known, task)]):
        raise Error(f"{numbers}: nothing is measured yet; `python benchmarks/repro.py measure` does")
    for task in TASKS:
        known.check(task)
    for task in TASKS:
        write_between(page, task, section(known, task), MARK)
        write_between(page, f"{task} curves", curves(known, task), MARK)
    said = [line for task in TASKS for line in (f"{task}:", "", *claims(known, task), "")]
    write_between(page, "claims", said[:-1], MARK)
    write_between(page, "picture", [PICTURE], MARK)
    write_text(page.parent / "images/repro.svg", drawn([panels(known, task) for task in shown]))


def section(numbers: Numbers, task: str) -> list[str]:
    """A table for each metric, and one of seconds."""
    if not (found := _last(numbers, task)):
        return ["Not measured yet."]
    first = next(iter(found.values()))
    lines = [f"After {first.step:,} steps; {first.tiles} tiles.", ""]
    for metric in METRICS:
        lines += [f"{TITLES[metric]}:", "", *metric_table(metric, found, numbers.in_equal_seconds(task)), ""]
    return lines + (seconds_table(seconds) if (seconds := numbers.seconds(task)) else [])


def metric_table(metric: str, found: dict[tuple[str, str], Result], seconds: Seconds | None) -> list[str]:
    """Methods by nfe, the best of each nfe in bold; below them the inverse method in the seconds of I2SB."""
    best: Callable[..., float] = max if metric == "psnr_rgb" else min
    values = {key: {nfe: float(getattr(row, metric)) for nfe, row in each.rows.items()} for key, each in found.items()}
    tops = {nfe: best(each[nfe] for each in values.values()) for nfe in NFES}
    untouched = next(iter(values.values()))[0]
    lines = _header(f"| the damaged tile: {untouched:.2f} |")
    for key, each in values.items():
        cells = [f"**{each[nfe]:.2f}**" if each[nfe] == tops[nfe] else f"{each[nfe]:.2f}" for nfe in NFES]
        lines.append(f"| {LABELS[key]} | {' | '.join(cells)} |")
    for key in (key for key in values if key[0] == "ddnm" and seconds):
        cells = [f"{values[key][fits]:.2f} ({fits})" for fits in map(seconds.fitting, NFES)]
        lines.append(f"| {LABELS[key]}, in I²SB's seconds (its nfe) | {' | '.join(cells)} |")
    return lines


def seconds_table(seconds: Seconds) -> list[str]:
    """Methods by nfe."""
    names = {"i2sb": "I²SB", "diffusion": "diffusion", "ddnm": "DDNM"}
    rows = [
        f"| {names[method]} | {' | '.join(f'{1000 * each[nfe]:.1f}' for nfe in NFES)} |"
        for method, each in seconds.each.items()
    ]
    return [f"Milliseconds of the processor for a tile, {seconds.machine}:", "", *_header("| |"), *rows]


def curves(numbers: Numbers, task: str) -> list[str]:
    """PSNR and Frechet distance by milestone."""
    known = {key: found for key in CURVES.items() if (found := numbers.milestones(task, *key))}
    if not known:
        return []
    steps = sorted({result.step for found in known.values() for result in found})
    lines = [f"| {task}: PSNR / Fréchet | {' | '.join(f'{step:,} steps' for step in steps)} |"]
    lines += [f"|{' --- |' * (len(steps) + 1)}"]
    for key, found in known.items():
        by_step = {result.step: result.rows for result in found}
        for nfe in CURVE_NFES:
            rows = [by_step[step][nfe] if step in by_step else None for step in steps]
            cells = [f"{row.psnr_rgb:.2f} / {row.frechet_efflite0:.2f}" if row else "" for row in rows]
            lines.append(f"| {LABELS[key]}, nfe {nfe} | {' | '.join(cells)} |")
    return lines


def panels(numbers: Numbers, task: str) -> list[Panel]:
    """Both metrics by nfe, and how the distance fell while training."""
    by_nfe: dict[str, list[Curve]] = {"psnr_rgb": [], "frechet_efflite0": []}
    for key, result in _last(numbers, task).items():
        label, dashed = LABELS[key], key[1] == "ode"
        for metric, each in by_nfe.items():
            points = [(float(nfe), float(getattr(result.rows[nfe], metric))) for nfe in NFES]
            each.append(Curve(label, points, dashed=dashed))
    learned = [
        Curve(
            LABELS[key],
            [(float(each.step), each.rows[LONG].frechet_efflite0) for each in known],
            dashed=key[1] == "ode",
        )
        for key in CURVES.items()
        if (known := numbers.milestones(task, *key))
    ]
    over = partial(Panel, log_x=True, marked=True)
    return [
        over(f"{task}: PSNR, dB", "network evaluations", by_nfe["psnr_rgb"]),
        over(f"{task}: Fréchet distance", "network evaluations", by_nfe["frechet_efflite0"], log_y=True),
        over(f"{task}: Fréchet distance at nfe {LONG}", "steps of training", learned, log_y=True),
    ]


def _last(numbers: Numbers, task: str) -> dict[tuple[str, str], Result]:
    """What the tables are of, by method and sampler."""
    return {(each.method, each.sampler): each for method in METHODS for each in numbers.last(task, method)}


def _header(first: str) -> Sequence[str]:
    return [f"{first} {' | '.join(f'nfe {nfe}' for nfe in NFES)} |", f"|{' --- |' * (len(NFES) + 1)}"]
