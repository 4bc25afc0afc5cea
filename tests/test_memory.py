"""What is read of the machine's memory, how much a network takes is measured, and running out is told apart."""

import subprocess
import sys

import pytest
import torch

from i2sbkit.memory import UNKNOWN, free_memory, out_of_memory, peak_bytes

CPU = torch.device("cpu")
MEMINFO = "MemTotal:       24000 kB\nMemFree:         100 kB\nMemAvailable:    8000 kB\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/meminfo": MEMINFO}, 8000 * 1024),
        ({"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "9"}, 8192000),
        ({"proc/meminfo": MEMINFO, "sys/fs/cgroup/memory.max": "5000", "sys/fs/cgroup/memory.current": "2000"}, 3000),
        ({"sys/fs/cgroup/memory.max": "5000", "sys/fs/cgroup/memory.current": "7000"}, 0),
        (
            {
                "proc/meminfo": MEMINFO,
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "100",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "40",
            },
            60,
        ),
        ({}, UNKNOWN),
    ],
)
def test_free_memory_is_what_system_and_container_leave(tmp_path, files, expected):
    """MemAvailable, or less where a control group has a limit, of either version; a fixed number where nothing says."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert free_memory(CPU, tmp_path) == expected


def test_peak_bytes_by_hand():
    """Of what is made, what lives at once: a chain of three drops the first; views and inputs do not count."""
    x = torch.zeros(1000)

    def chain():
        a = x + 1  # 4,000 bytes
        b = torch.cat([a, a])  # 8,000
        del a
        c = b[:10] * 2  # 40, the view nothing
        return b.view(2, -1), c

    assert peak_bytes(chain) == 12_000


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 1 bytes"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("shape '[2]' is invalid for input of size 3"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_only_memory_that_ran_out_counts(error, expected):
    """torch's own exception, or what its allocator says on a CPU; nothing else."""
    assert out_of_memory(error) is expected


FAULTS = """
import resource, torch
from i2sbkit.memory import give_back_memory, keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.empty(1 << 26, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(open("/proc/self/statm").read().split()[1])

given_back = faults()
assert keep_freed_memory()
faults()
kept, full = faults(), resident()
give_back_memory()
print(given_back, kept, full - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_freed_memory_is_kept_for_what_comes_next():
    """Eight times 64 MiB one after the other: new pages each time at first, none later, until they are given back."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    given_back, kept, returned = map(int, done.stdout.split())
    assert given_back > 8 * 2**26 / 4096 / 600  # huge pages at the worst
    assert kept < given_back / 7
    assert returned > 0.9 * 2**26 / 4096
