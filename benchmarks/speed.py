"""Seconds per megapixel and network evaluation, on one thread and on more, and what could make them fewer.

    python benchmarks/speed.py TASK [--threads 1,2] [--size 1024] [--rounds 3] [--small-pages]

The held-out crops, laid out as one picture and damaged as the weights' recipe says, are restored by the bundled weights
through `Model.restore`, way by way in turn. Each way's picture is compared with the plain one: what stays within 50 dB
PSNR of it may be called the same picture. Memory is on huge pages, as in the `i2sbkit` command; --small-pages measures
without.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from timing import interleaved
from torch import Tensor

import i2sbkit
from i2sbkit.cli import MEMORY
from i2sbkit.metrics import psnr
from i2sbkit.pictures.files import read_picture

HELDOUT = Path(__file__).parent / "heldout"
SAME = 50.0


def main(task: str, threads: Sequence[int], size: int, rounds: int) -> None:
    """Print a Markdown table: a row a way, a column a number of threads."""
    model = i2sbkit.load(task, device="cpu")
    y = model.weights.recipe.parts.corruption.corrupt(mosaic(size), torch.Generator().manual_seed(0))
    restore = partial(model.restore, y.image, mask=y.mask)
    ways: dict[str, Callable[[], Tensor]] = {
        "plain": partial(restore, nfe=1),
        "tile=768": partial(restore, nfe=1, tile=768),
        "tile=512": partial(restore, nfe=1, tile=512),
        "tile=256": partial(restore, nfe=1, tile=256),
        "nfe=2": partial(restore, nfe=2),
    }
    plain = ways["plain"]()
    seconds = {count: timed(ways, count, rounds) for count in threads}
    print("| way | " + " | ".join(f"{count} thread{'s' * (count > 1)}" for count in threads) + " | PSNR to plain |")
    print("| --- " * (len(threads) + 2) + "|")
    for way, work in ways.items():
        each = size * size / 1e6 * (2 if way == "nfe=2" else 1)
        row = [f"{seconds[count][way] / each:.2f}" for count in threads]
        print(f"| {way} | " + " | ".join([*row, likeness(way, work(), plain)]) + " |", flush=True)
    print(f"\n{task}, {size} x {size} pixels, seconds per megapixel and evaluation, medians of {rounds}.")


def mosaic(size: int) -> Tensor:
    """(3, size, size) in [-1, 1]: the crops in rows, as often as it takes."""
    crops = [read_picture(path).image for path in sorted(HELDOUT.glob("*.webp"))]
    across = -(-size // crops[0].shape[-1])
    rows = [torch.cat([crops[(row * across + k) % len(crops)] for k in range(across)], dim=2) for row in range(across)]
    return torch.cat(rows, dim=1)[:, :size, :size]


def timed(ways: Mapping[str, Callable[[], object]], threads: int, rounds: int) -> dict[str, float]:
    """Median seconds of each way."""
    torch.set_num_threads(threads)
    return interleaved(ways, rounds)


def likeness(way: str, picture: Tensor, plain: Tensor) -> str:
    """How near a way's picture is to the plain one; another nfe is another picture."""
    if way in ("plain", "nfe=2"):
        return ""
    found = float(psnr(picture, plain))
    return f"{found:.0f} dB" + ("" if found >= SAME else ": another picture")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small-pages", action="store_true")
    given = parser.parse_args()
    if not given.small_pages:
        os.environ |= MEMORY
    main(given.task, [int(count) for count in given.threads.split(",")], given.size, given.rounds)
