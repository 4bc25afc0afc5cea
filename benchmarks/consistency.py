"""What each method of data consistency adds to bundled weights, told the truth and told another kernel.

    python benchmarks/consistency.py [--count N] [--task T] [--write docs/consistency.md]
    python benchmarks/consistency.py --choose SHARDS [--count N] [--write docs/consistency.md]

Mean PSNR in dB over RGB of 8-bit results on the crops in benchmarks/heldout, at the weights' own sampler and nfe;
--write puts the tables into the page. --choose shows instead what the constants of the methods were chosen by: other
values of them, told the truth, on N (8) crops of 256 pixels of the photographs that are trained on.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from peers.cases import Picture, damaged, read_pictures
from peers.measuring import decibels
from peers.page import machine, write_between

import i2sbkit
from i2sbkit.consistency import METHODS
from i2sbkit.images import from_uint8, to_uint8
from i2sbkit.kernel.consistency import projection
from i2sbkit.point_spread import read_kernel
from i2sbkit.restoring import Settings

TOLD = {
    "blur": {
        "uniform 9": ("uniform:9", "uniform:7", "uniform:11"),
        "gaussian 21, sigma 3": ("gaussian:21:3", "gaussian:21:2"),
    },
    "sr4x": {"bicubic": (None,), "pool": (None,)},
    "jpeg": {"quality 10": (None,), "quality 40": (None,)},
}  # fmt: skip
"""By task and damage what is told of the kernel, the truth first; sr4x takes the filter of its recipe, bicubic."""


NOISES = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01)
STRENGTHS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
CHOSEN_BY = {"blur": ("uniform 9", "gaussian 21, sigma 3"), "sr4x": ("bicubic",)}
"""By task the damages that the constants were chosen by."""
MARK = "<!-- benchmarks/consistency.py writes {}: begin -->"


def main(tasks: Sequence[str], count: int | None, page: Path | None) -> None:
    """Print a Markdown table; write it where there is a page."""
    pictures = read_pictures("benchmarks/heldout", count)
    rows = shown(["task, damage", "told", "without", *METHODS], measured(tasks, pictures))
    if page:
        write_between(page, "methods", [f"{len(pictures)} crops; {machine()}.", "", *rows], MARK)


def shown(header: Sequence[str], rows: Iterable[str]) -> list[str]:
    """The lines of a table, each printed as soon as it is there."""
    lines = []
    for line in chain([f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"], rows):
        print(line, flush=True)
        lines.append(line)
    return lines


def measured(tasks: Sequence[str], pictures: Sequence[Picture]) -> Iterator[str]:
    """The rows, one by one."""
    for task in tasks:
        model = i2sbkit.load(task, device="cpu")
        for damage, kernels in TOLD[task].items():
            case = (task, damage)
            blind = cell(model, pictures, case, None, None)
            for kernel in kernels:
                found = [blind, *(cell(model, pictures, case, kernel, method) for method in METHODS)]
                told = kernel or ("the file" if task == "jpeg" else "bicubic")
                yield f"| {task}, {damage} | {told} | " + " | ".join(found) + " |"


def choose(data: str, count: int, page: Path | None) -> None:
    """Print the mean PSNR by constant and damage; write it where there is a page."""
    pictures = read_pictures(data, count)
    damages = [(task, damage) for task, each in CHOSEN_BY.items() for damage in each]
    rows = shown(["constant", *(", ".join(case) for case in damages), "mean"], by_constant(pictures, damages))
    if page:
        write_between(page, "constants", rows, MARK)


def by_constant(pictures: Sequence[Picture], damages: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The rows, one by one."""
    models = {task: i2sbkit.load(task, device="cpu") for task in CHOSEN_BY}
    for name, method, patched in candidates():
        with patched():
            found = []
            for task, damage in damages:
                kernel = TOLD[task][damage][0] if method else None
                found.append(mean(models[task], pictures, (task, damage), kernel, method))
        yield f"| {name} | {' | '.join(f'{each:.2f}' for each in (*found, sum(found) / len(found)))} |"


def candidates() -> Iterator[tuple[str, str | None, Callable[[], Any]]]:
    """What it is called, the method as a user writes it, and what has it use the constant."""
    yield "without", None, nullcontext
    for noise in NOISES:
        ddnm = replace(METHODS["ddnm"], pull=partial(noisy, noise))
        yield f"ddnm, noise {noise:g}", "ddnm", partial(patch.dict, METHODS, ddnm=ddnm)
    for strength in STRENGTHS:
        yield f"cddb-deep:{strength:g}", f"cddb-deep:{strength:g}", nullcontext


def noisy(noise: float, corruption: i2sbkit.Corruption, y: i2sbkit.Observation) -> Callable[..., Any]:
    """The projection of `ddnm` with another noise."""
    return projection(corruption.operator(y), y.image, noise)


def cell(model: Any, pictures: Sequence[Picture], case: tuple[str, str], kernel: str | None, method: str | None) -> str:
    """The mean; nothing where the method wants an operator, and there is none."""
    try:
        return f"{mean(model, pictures, case, kernel, method):.2f}"
    except i2sbkit.NotLinear:
        return ""


def mean(
    model: Any, pictures: Sequence[Picture], case: tuple[str, str], kernel: str | None, method: str | None
) -> float:
    """Over all pictures."""
    restorer, total = model.restorer(Settings(consistency=method)), 0.0
    params = {} if kernel is None else {"kernel": read_kernel(kernel)}
    for picture in pictures:
        made = damaged(picture, *case)
        image = from_uint8(torch.from_numpy(made.image.copy())).permute(2, 0, 1).contiguous()
        more = {"file": made.file} if made.file else {}
        restored = restorer.pictures([i2sbkit.Observation(image, params=params | more)])[0]
        total += decibels(to_uint8(restored).permute(1, 2, 0).numpy(), picture.clean)
    return total / len(pictures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int)
    parser.add_argument("--task", choices=TOLD, action="append")
    parser.add_argument("--choose", metavar="SHARDS")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.choose:
        choose(given.choose, given.count or 8, given.write)
    else:
        main(given.task or list(TOLD), given.count, given.write)
