"""Disks that are full or read-only and memory that runs out, for real: limits and mounts of the system."""

import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def largest_file(size: int):
    """Within the block no file of this process grows beyond so many bytes: the system says EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(folder: Path, size: int):
    """Within the block a folder is a disk of so many bytes; skips the test where mounting is not permitted."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def read_only(folder: Path):
    """Within the block nothing can be written in a folder: by its rights, or for root, whom none stops, by a mount."""
    if os.geteuid() != 0:
        mode = folder.stat().st_mode
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(mode)
        return
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")


UNDER_A_LIMIT = """
import re, resource, sys
from i2sbkit.cli import execute
import i2sbkit.training.loop, i2sbkit.metrics, torch._dynamo
words = ["train", sys.argv[1], "--out", sys.argv[2], "--device", "cpu"]
words += [word for override in sys.argv[3:] for word in ("--set", override)]
execute([*words, "--set", "train.iterations=1", "--set", "data.size=16", "--set", "train.microbatch=1"])
used = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1])
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000, resource.RLIM_INFINITY))
words[words.index("--out") + 1] += "-large"
sys.exit(execute([*words, "--set", "data.size=128", "--set", "train.batch=64"]))
"""


def train_under_a_limit(recipe: Path, run: Path) -> subprocess.CompletedProcess:
    """`i2sbkit train` in a process that gets 60 MB more than it has, and needs more."""
    command = [sys.executable, "-c", UNDER_A_LIMIT, str(recipe), str(run), "data.val=[]", "backbone.width=32"]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)
