"""What each method of data consistency adds to bundled weights, told the truth and told another kernel.

    python benchmarks/consistency.py [--count N] [--task T]

Mean PSNR in dB over RGB of 8-bit results on the crops in benchmarks/heldout, at the weights' own sampler and nfe.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import torch
from peers.cases import Picture, damaged, read_pictures
from peers.measuring import decibels

import i2sbkit
from i2sbkit.consistency import METHODS
from i2sbkit.images import from_uint8, to_uint8
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


def main(tasks: Sequence[str], count: int | None) -> None:
    """Print a Markdown table."""
    torch.set_num_threads(1)
    pictures = read_pictures("benchmarks/heldout", count)
    print(f"| task, damage | told | without | {' | '.join(METHODS)} |\n|{' --- |' * (len(METHODS) + 3)}")
    for task in tasks:
        model = i2sbkit.load(task, device="cpu")
        for damage, kernels in TOLD[task].items():
            for kernel in kernels:
                found = [
                    cell(model, pictures, (task, damage), kernel if method else None, method)
                    for method in (None, *METHODS)
                ]
                told = kernel or ("the file" if task == "jpeg" else "bicubic")
                print(f"| {task}, {damage} | {told} | " + " | ".join(found) + " |", flush=True)


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
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int)
    parser.add_argument("--task", choices=TOLD, action="append")
    given = parser.parse_args()
    main(given.task or list(TOLD), given.count)
