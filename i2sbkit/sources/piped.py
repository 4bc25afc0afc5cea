"""Shards that a command writes (webdataset's `pipe:COMMAND`): only where the user says so, who alone sets variables."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections import deque
from pathlib import Path

from ..files import atomic
from ..kernel.errors import Error
from ..printable import one_line
from .tars import walk_members

PIPE = "pipe:"
ALLOWED = "I2SBKIT_ALLOW_PIPE"
"""The environment variable that allows commands: neither a recipe nor a weights file can set it."""


def piped_shard(given: str) -> Path:
    """What the command of `pipe:COMMAND` writes to stdout, in a file; the command runs where there is none yet.

    Raises:
        Error: commands are not allowed, or this one failed.
    """
    command = given.removeprefix(PIPE)
    if os.environ.get(ALLOWED) != "1":
        raise Error(
            f"{one_line(given)}: would run a command; {ALLOWED}=1 in the environment allows it, and "
            "COMMAND > shard.tar makes a shard without"
        )
    shard = _folder() / f"{hashlib.sha256(command.encode()).hexdigest()[:16]}.tar"
    if not shard.exists():
        with atomic(shard) as temporary:
            _run(command, temporary, one_line(given))
    return shard


def _run(command: str, shard: Path, name: str) -> None:
    with shard.open("wb") as file:
        code = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, stdout=file).returncode
    if code:
        raise Error(f"{name}: the command failed with exit code {code}")
    try:
        deque(walk_members(shard), maxlen=0)  # of a pipeline, the shell tells only how its last command ended
    except Error as error:
        raise Error(str(error).partition(";")[0].replace(str(shard), name)) from None


def _folder() -> Path:
    """Where they are kept: `$I2SBKIT_CACHE/pipes`, else in the user's cache folder."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("I2SBKIT_CACHE") or Path(caches) / "i2sbkit") / "pipes"
