"""Trainings killed with kill -9, and whatever else goes wrong: what is lost, what is left, and what is said.

    env OMP_NUM_THREADS=1 PYTHONPATH=tests python benchmarks/torture.py [kills]

A process that has imported everything forks trainings of some seconds, kills each at a random moment (seven times of
ten while a file is being written) and goes on in the same run folder. Disks that are full or read-only are mounts,
which take root; without it these two are passed over.
"""

import io
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from shutil import rmtree

import torch
from _pytest.outcomes import Skipped
from damaged_shards import damaged_shards
from disasters import read_only, small_disk, train_under_a_limit
from killing import OFTEN, temporaries, torture
from tiny_training import SHORT, TINY, go

from i2sbkit.checkpoint import read_tensors, saved_states
from i2sbkit.cli import execute
from i2sbkit.locking import locked

torch.set_num_threads(1)


def said(recipe: Path, run: Path, *overrides: str, more: tuple[str, ...] = ()) -> str:
    """The exit code of `i2sbkit train`, and the last line of what it says."""
    sets = [word for override in overrides for word in ("--set", override)]
    with redirect_stderr(io.StringIO()) as err, open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        stdout, sys.stdout = sys.stdout, nowhere
        try:
            code = execute(["train", str(recipe), "--out", str(run), "--device", "cpu", *sets, *more])
        finally:
            sys.stdout = stdout
    return f"{code}: {err.getvalue().splitlines()[-1]}"


def state_of(run: Path) -> str:
    """Whether what is in a run folder is whole."""
    states = saved_states(run)
    whole = all(torch.isfinite(tensor).all() for path in states for tensor in read_tensors(path).values())
    left = len(temporaries(run))
    return f"{len(states)} states, {'all whole and finite' if whole else 'BROKEN'}, {left} files left half-written"


def full_disk(recipe: Path, folder: Path) -> None:
    """A disk of 2 MB."""
    with small_disk(folder / "small", 2 << 20) as disk:
        print("full disk           ", said(recipe, disk / "run", *OFTEN, "train.keep=99"))
        print("                    ", state_of(disk / "run"))


def read_only_folder(recipe: Path, folder: Path) -> None:
    """A run that cannot be written to any more."""
    with read_only(folder / "whole"):
        print("read-only           ", said(recipe, folder / "whole", *OFTEN, "train.iterations=50"))
    print("                    ", state_of(folder / "whole"))


def two_trainings(recipe: Path, folder: Path) -> None:
    """A folder that is held."""
    with locked(folder / "whole", "trains in it", "--out"):
        print("two trainings       ", said(recipe, folder / "whole", *OFTEN))


def damage(recipe: Path, folder: Path) -> None:
    """Shards cut off and flipped: left out, or an error."""
    data = (SHORT, f"data.train={damaged_shards(folder / 'shards')}")
    with redirect_stderr(io.StringIO()) as err:
        result = go(recipe, folder / "damaged", *data)
    shards, pictures = result["damaged_shards"], result["damaged_pictures"]
    told = err.getvalue().count("warning: ")
    print("damaged shards      ", f"{shards} shards and {pictures} pictures left out, in {told} warnings")
    print("damaged, --strict   ", said(recipe, folder / "strict", *data, more=("--strict",)))


def not_finite(recipe: Path, folder: Path) -> None:
    """A rate at which the numbers end."""
    print("loss not finite     ", said(recipe, folder / "nan", SHORT, "train.lr=1e30", "train.save_every=1"))
    print("                    ", state_of(folder / "nan"))


def memory(recipe: Path, folder: Path) -> None:
    """A process that gets 60 MB more than it has."""
    done = train_under_a_limit(recipe, folder / "memory")
    print("out of memory       ", f"{done.returncode}: {done.stderr.splitlines()[-1]}")


CASES: tuple[Callable[[Path, Path], None], ...] = (
    full_disk, read_only_folder, two_trainings, damage, not_finite, memory,
)  # fmt: skip


@contextmanager
def working_folder():
    """A folder with the recipe in it."""
    folder = Path(tempfile.mkdtemp(prefix="i2sbkit-torture-"))
    try:
        yield folder
    finally:
        rmtree(folder)


def main() -> None:
    """Print the counts, and a line or two for each of the other cases."""
    with working_folder() as folder:
        recipe = folder / "tiny.toml"
        recipe.write_text(TINY, "utf-8")
        print(torture(recipe, folder, int(sys.argv[1]) if len(sys.argv) > 1 else 50))
        for case in CASES:
            try:
                case(recipe, folder)
            except Skipped as skipped:
                print(f"{case.__name__:20} passed over: {skipped}")


if __name__ == "__main__":
    main()
