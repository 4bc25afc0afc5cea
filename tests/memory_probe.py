"""How much more memory a command takes after its 200th picture, in a fresh process: `python memory_probe.py ...`.

A process forked from that of the tests would have their garbage, whose end hides what is taken meanwhile.
"""

import json
import os
import sys
from pathlib import Path

from i2sbkit.cli import execute
from i2sbkit.evaluating import measuring
from i2sbkit.memory import give_back_memory
from i2sbkit.restoring import Restorer


def resident_bytes() -> int:
    """Memory of this process."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def main(told: str, keep: str, *command: str) -> None:
    """Run a command; write exit code, pictures and bytes into the file `told`, `keep` bytes of each picture kept."""
    taken, kept = [], []
    walk, start = Restorer.walk, measuring._start

    def counted(self, *given, **more):
        if len(taken) % 100 == 0:
            give_back_memory()  # what is free already would hide what is taken
        taken.append(resident_bytes())
        return walk(self, *given, **more)

    def keeping(*given):
        kept.append(os.urandom(int(keep)))
        return start(*given)

    Restorer.walk, measuring._start = counted, keeping
    code = execute(command)
    Path(told).write_text(json.dumps([code, len(taken), max(taken[200::100]) - taken[200]]))


if __name__ == "__main__":
    main(*sys.argv[1:])
