"""How much memory there is, how much a network takes, and how it shows that there is none left."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from .determinism import deterministic_now

UNKNOWN = 4 * 10**9
"""Bytes taken for free where the system does not say."""
CGROUPS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
"""Below /sys/fs/cgroup: limit and use, in version 2 and 1."""


def free_memory(device: torch.device, root: Path = Path("/")) -> int:
    """Bytes that can still be had on a device; of the machine's memory, what its system and its container leave.

    Deterministically `UNKNOWN`, as what is chosen by it would be chosen otherwise another time.

    Args:
        root: where /proc and /sys are.
    """
    if deterministic_now():
        return UNKNOWN
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    known = [_available(root / "proc/meminfo"), *(_left(root / "sys/fs/cgroup", *names) for names in CGROUPS)]
    return min((each for each in known if each is not None), default=UNKNOWN)


def _available(meminfo: Path) -> int | None:
    """MemAvailable of Linux, or None."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _left(folder: Path, limit: str, used: str) -> int | None:
    """What a container may still take, or None where it has no limit ("max")."""
    try:
        return max(int((folder / limit).read_text()) - int((folder / used).read_text()), 0)
    except (OSError, ValueError):
        return None


def out_of_memory(error: BaseException) -> bool:
    """Whether a device's memory ran out, or the machine's, which torch has no exception of its own for."""
    machines = "DefaultCPUAllocator" in str(error) or "can't allocate memory" in str(error)
    return isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and machines)


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed for what comes next; True where it does. For programs, not for libraries.

    It gives large blocks back to the system at once, and the system clears each page that it hands out again: with
    evaluations of a megapixel that takes more time than the network (benchmarks/sizes.py).
    """
    mallopt = _libc("mallopt")
    trim_threshold, mmap_max = -1, -4  # malloc.h
    return mallopt is not None and bool(mallopt(trim_threshold, 2**31 - 1) and mallopt(mmap_max, 0))


def give_back_memory() -> None:
    """Return what was kept to the system: where blocks of another size are next, they would not fit into the gaps."""
    malloc_trim = _libc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(ctypes.c_size_t(0))


def _libc(name: str) -> Any:
    """A function of the C library that only glibc has, or None."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def peak_bytes(work: Callable[[], object]) -> int:
    """The most bytes of tensors that are alive at once of those that `work` makes, on any device."""
    counting = _Counting()
    with counting:
        work()
    return counting.peak


class _Counting(TorchFunctionMode):
    """Adds up, after each operation, what is alive of the tensors made since it began."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        for result in tree_leaves(results):
            if isinstance(result, Tensor):
                storage = result.untyped_storage()
                self._alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())  # type: ignore[no-untyped-call]
        self._alive = {key: held for key, held in self._alive.items() if not held[0].expired()}  # type: ignore[no-untyped-call]
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return results
