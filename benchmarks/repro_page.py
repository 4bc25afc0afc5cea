"""The tables of docs/repro.md, from what is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from curves import Curve, Panel, drawn
from peers.page import machine, write_between
from repro_claims import claims
from repro_measuring import METRICS, Found, Measured, fitting
from repro_training import TASKS
from repro_trials import CURVE_NFES, METHODS, NFES, trials

from i2sbkit.files import write_text

MARK = "<!-- benchmarks/repro.py writes {}: begin -->"
LABELS = {
    ("i2sb", "sde"): "I²SB",
    ("diffusion", "sde"): "diffusion, DDPM",
    ("diffusion", "ode"): "diffusion, DDIM",
    ("ddnm", "sde"): "DDNM, DDPM",
    ("ddnm", "ode"): "DDNM, DDIM",
}
PICTURE = "![PSNR and Fréchet distance by network evaluations, and over the training](images/repro.svg)"
TITLES = {"psnr_rgb": "PSNR, dB ↑", "percep_efflite0": "percep_efflite0 ↓", "frechet_efflite0": "frechet_efflite0 ↓"}
CURVES = [(method, samplers[-1]) for method, samplers in METHODS.items()]
LONG = 20
"""The nfe of the learning curves that are drawn."""


def write(runs: Path, count: int | None, page: Path) -> None:
    """Put everything into the page, and draw its picture beside it.

    Raises:
        Error: something is not measured yet, or the page has no place for it.
    """
    measured = Measured(runs, count, known=True)
    for task in TASKS:
        write_between(page, task, section(measured, task), MARK)
        write_between(page, f"{task} curves", curves(measured, task), MARK)
    said = [line for task in TASKS for line in (f"{task}:", "", *claims(measured, task), "")]
    write_between(page, "claims", said[:-1], MARK)
    write_between(page, "picture", [PICTURE], MARK)
    write_text(page.parent / "images/repro.svg", drawn([panels(measured, task) for task in TASKS]))


def section(measured: Measured, task: str) -> list[str]:
    """A table for each metric, and one of seconds."""
    found = {key: measured.results(trial) for key in LABELS if (trial := measured.last(task, *key))}
    steps = next(trial.step for key in found if (trial := measured.last(task, *key)))
    lines = [f"After {steps:,} steps; {measured.tiles()} tiles; {machine()}.", ""]
    for metric in METRICS:
        lines += [f"{TITLES[metric]}:", "", *metric_table(measured, task, metric, found), ""]
    return [*lines, "Milliseconds of the processor for a tile:", "", *seconds_table(measured, task)]


def metric_table(
    measured: Measured, task: str, metric: str, found: dict[tuple[str, str], list[Found]]
) -> list[str]:  # fmt: skip
    """Methods by nfe, the best of each nfe in bold; below them the inverse method in the seconds of I2SB."""
    best: Callable[..., float] = max if metric == "psnr_rgb" else min
    values = {key: {row.nfe: float(getattr(row, metric)) for row in rows} for key, rows in found.items()}
    tops = {nfe: best(each[nfe] for each in values.values()) for nfe in NFES}
    untouched = next(iter(values.values()))[0]
    lines = _header(f"| the damaged tile: {untouched:.2f} |")
    for key, each in values.items():
        cells = [f"**{each[nfe]:.2f}**" if each[nfe] == tops[nfe] else f"{each[nfe]:.2f}" for nfe in NFES]
        lines.append(f"| {LABELS[key]} | {' | '.join(cells)} |")
    for sampler in METHODS["ddnm"]:
        if trial := measured.in_equal_seconds(task, sampler):
            rows = {row.nfe: float(getattr(row, metric)) for row in measured.results(trial)}
            fits = [fitting(measured.seconds(task), nfe) for nfe in NFES]
            cells = [f"{rows[nfe]:.2f} ({nfe})" for nfe in fits]
            lines.append(f"| {LABELS['ddnm', sampler]}, in I²SB's seconds (its nfe) | {' | '.join(cells)} |")
    return lines


def seconds_table(measured: Measured, task: str) -> list[str]:
    """Methods by nfe."""
    names = {"i2sb": "I²SB", "diffusion": "diffusion", "ddnm": "DDNM"}
    rows = measured.seconds(task).items()
    return _header("| |") + [
        f"| {names[method]} | {' | '.join(f'{1000 * each[nfe]:.1f}' for nfe in NFES)} |" for method, each in rows
    ]


def curves(measured: Measured, task: str) -> list[str]:
    """PSNR and Frechet distance by milestone."""
    keys = [key for key in CURVES if trials(task, *key, measured.runs)]
    steps = [trial.step for trial in trials(task, *keys[0], measured.runs)]
    lines = [f"| {task}: PSNR / Fréchet | {' | '.join(f'{step:,} steps' for step in steps)} |"]
    lines += [f"|{' --- |' * (len(steps) + 1)}"]
    for key in keys:
        for nfe in CURVE_NFES:
            cells = [
                f"{row.psnr_rgb:.2f} / {row.frechet_efflite0:.2f}"
                for trial in trials(task, *key, measured.runs)
                for row in measured.results(trial)
                if row.nfe == nfe
            ]
            lines.append(f"| {LABELS[key]}, nfe {nfe} | {' | '.join(cells)} |")
    return lines


def panels(measured: Measured, task: str) -> list[Panel]:
    """Both metrics by nfe, and how the distance fell while training."""
    by_nfe: dict[str, list[Curve]] = {"psnr_rgb": [], "frechet_efflite0": []}
    learned = []
    for key, label in LABELS.items():
        if last := measured.last(task, *key):
            rows = [row for row in measured.results(last) if row.nfe]
            for metric, each in by_nfe.items():
                each.append(Curve(label, [(row.nfe, getattr(row, metric)) for row in rows], dashed=key[1] == "ode"))
            if key in CURVES:
                learned.append(Curve(label, _learned(measured, task, key), dashed=key[1] == "ode"))
    over = partial(Panel, log_x=True, marked=True)
    return [
        over(f"{task}: PSNR, dB", "network evaluations", by_nfe["psnr_rgb"]),
        over(f"{task}: Fréchet distance", "network evaluations", by_nfe["frechet_efflite0"], log_y=True),
        over(f"{task}: Fréchet distance at nfe {LONG}", "steps of training", learned, log_y=True),
    ]


def _learned(measured: Measured, task: str, key: tuple[str, str]) -> list[tuple[float, float]]:
    return [
        (trial.step, row.frechet_efflite0)
        for trial in trials(task, *key, measured.runs)
        for row in measured.results(trial)
        if row.nfe == LONG
    ]


def _header(first: str) -> Sequence[str]:
    return [f"{first} {' | '.join(f'nfe {nfe}' for nfe in NFES)} |", f"|{' --- |' * (len(NFES) + 1)}"]
