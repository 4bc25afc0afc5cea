"""The paper's comparison at a size a CPU holds: I2SB against diffusion, and against an inverse method.

    python benchmarks/repro.py                                       all of it; what is done already is not done again
    python benchmarks/repro.py train NAME [--data SHARDS] [--val SHARDS]
    python benchmarks/repro.py measure [NAME]
    python benchmarks/repro.py write

`train` trains one of the recipes in recipes/repro with one thread, about two hours, and keeps its averaged weights at
an eighth, a quarter, a half, three quarters and the end. `measure` damages and restores tiles of benchmarks/heldout
with what is there, and keeps the numbers in docs/repro.json. `write` puts them as tables into docs/repro.md and draws
docs/images/repro.svg. Each of them, stopped, goes on where it was when it is called again.
"""

import argparse
import sys
from pathlib import Path

import torch
from repro_measuring import measure
from repro_page import write
from repro_training import NAMES, train

import i2sbkit
from i2sbkit.stopping import Stopped

ROOT = Path(__file__).parent.parent


def main(given: argparse.Namespace) -> None:
    """Carry out a command, or all of them."""
    torch.set_num_threads(1)
    everything = given.command is None
    for name in NAMES if everything else (given.name,) if given.command == "train" else ():
        train(name, given.runs, given.data, given.val, given.overrides)
    if everything or given.command == "measure":
        measure(given.runs, given.page.with_suffix(".json"), (given.name,) if given.name else NAMES, given.tiles)
    if everything or given.command == "write":
        write(given.page.with_suffix(".json"), given.page)


def arguments() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", nargs="?", choices=("train", "measure", "write"))
    parser.add_argument("name", nargs="?", choices=NAMES, help="of a recipe: to train, or whose weights to measure")
    parser.add_argument("--data", metavar="SHARDS", help="to train on; the default is the recipe's")
    parser.add_argument("--val", metavar="SHARDS", help="that the training's log validates with")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="K=V", help="as i2sbkit train")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", metavar="FOLDER", help="where everything is kept")
    parser.add_argument("--tiles", type=int, metavar="N", help="the first N tiles; the default is all")
    parser.add_argument(
        "--page",
        type=Path,
        default=ROOT / "docs/repro.md",
        help="to write the tables to; beside it are the numbers, as .json",
    )
    return parser


if __name__ == "__main__":
    parsed = arguments().parse_args()
    if not {"train": parsed.name, "measure": True}.get(parsed.command, not parsed.name):
        arguments().error("train takes the name of a recipe, measure may, and nothing else does")
    if parsed.tiles is not None and parsed.tiles < 1:
        arguments().error("--tiles is at least 1")
    if parsed.tiles and parsed.page == arguments().get_default("page"):
        arguments().error("--tiles needs a --page of its own: the numbers of all tiles would be lost")
    try:
        main(parsed)
    except i2sbkit.Error as error:
        sys.exit(f"error: {error}")
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(stopped.exit_code)
