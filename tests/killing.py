"""A training that is killed again and again, and goes on: kill -9 to forks of a process that has imported all."""

import multiprocessing
import os
import random
import time
import warnings
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from tiny_training import SHORT, assert_equal_bits, go

from i2sbkit.checkpoint import read_tensors
from i2sbkit.files import LEFT
from i2sbkit.verifying import check

OFTEN = (SHORT, "train.iterations=40", "train.save_every=2", "backbone.width=24")
"""A second of training, half of it spent writing; a state has 0.7 MB."""
SECONDS = 2.0
"""Within so many the moments of killing lie that do not wait for a write."""
WRITES = 12
"""Of so many files that appear while they are written, one is the moment."""


@dataclass
class Counts:
    """What became of a training that was killed so often."""

    kills: int = 0
    kills_in_a_write: int = 0
    kills_before_the_first_state: int = 0
    runs_done: int = 0
    broken_files: int = 0
    files_left: int = 0
    runs_that_differ: int = 0
    failed_to_go_on: int = 0

    def __str__(self) -> str:
        return "\n".join(f"{name.replace('_', ' '):30} {value}" for name, value in asdict(self).items())

    @property
    def wrong(self) -> dict[str, int]:
        """The counts that must be 0, where they are not."""
        return {each.name: value for each in fields(self)[4:] if (value := getattr(self, each.name))}


def temporaries(run: Path) -> set[str]:
    """What is being written in a run folder, or was when its process was killed."""
    return {path.name for pattern in LEFT for path in run.glob(pattern)}


def torture(recipe: Path, folder: Path, kills: int, seed: int = 0) -> Counts:
    """Kill trainings of a recipe, and go on in the same run folder, until there were so many; then let it end.

    Each run that ends is compared with one that was never stopped, `folder / "whole"`.
    """
    chance, counts = random.Random(seed), Counts()
    go(recipe, folder / "whole", *OFTEN)
    run = folder / "run-000"
    while counts.kills < kills:
        if _killed(recipe, run, chance):
            counts.kills += 1
            counts.kills_in_a_write += bool(temporaries(run))
            counts.kills_before_the_first_state += not list(run.glob("state-*"))
            counts.broken_files += sum(check(path).problem is not None for path in run.glob("*.safetensors"))
        elif _count_run(run, folder / "whole", counts):
            run = folder / f"run-{counts.runs_done:03d}"
        else:
            return counts
    process = _started(recipe, run)
    process.join()
    _count_run(run, folder / "whole", counts)
    return counts


def _started(recipe: Path, run: Path):
    process = multiprocessing.get_context("fork").Process(target=_train, args=(recipe, run))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking: torch has threads, which do nothing
        process.start()
    return process


def _train(recipe: Path, run: Path) -> None:
    torch.set_num_threads(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    go(recipe, run, *OFTEN)


def _killed(recipe: Path, run: Path, chance: random.Random) -> bool:
    """Whether a process was killed before it was done: at any moment, or seven times of ten within a write."""
    until, writes = chance.uniform(0, SECONDS), chance.randrange(WRITES) if chance.random() < 0.7 else None
    later, seen = chance.choice((None, None, 0.0002)), set()
    process, began = _started(recipe, run), time.monotonic()
    while process.exitcode is None:
        now = temporaries(run)
        seen |= now
        if time.monotonic() - began > until if writes is None else now and len(seen) > writes:
            if later:
                time.sleep(later)
            process.kill()
            process.join()
            return process.exitcode < 0
    return False


def _count_run(run: Path, whole: Path, counts: Counts) -> bool:
    """Count a run that ended in; whether it came to its end."""
    states = [path.name for path in sorted(whole.glob("state-*"))]
    if [path.name for path in sorted(run.glob("state-*"))] != states:
        counts.failed_to_go_on += 1
        return False
    counts.runs_done += 1
    counts.files_left += len({path.name for path in run.iterdir()} - {path.name for path in whole.iterdir()})
    try:
        for name in (*states, "weights.safetensors"):
            assert_equal_bits(read_tensors(run / name), read_tensors(whole / name))
    except AssertionError:
        counts.runs_that_differ += 1
    return True
