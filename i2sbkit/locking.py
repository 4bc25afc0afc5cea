"""One process at a time in a folder: a lock that ends with whoever holds it, however that is."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from .kernel.errors import Error
from .printable import one_line

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

NAME = ".i2sbkit-lock"
"""The file in the folder that the lock is on; it says who holds it."""
FAR = 1 << 30
"""The byte that is locked on Windows, where nobody can read what is."""

_OURS: dict[Path, dict[str, Any]] = {}
"""Folders that this process holds, and what their files say: to its threads the system would give the lock again, and
to open and close the file would end it."""


class _Taken(Exception):
    """Another process has the folder: what its file says of it, and what more there is to say."""

    def __init__(self, holder: dict[str, Any], more: str = "") -> None:
        super().__init__(holder, more)
        self.holder, self.more = holder, more


@contextmanager
def locked(folder: Path, doing: str, other: str) -> Iterator[None]:
    """Within the block no other process gets the same folder, here or on a machine that shares it.

    The lock is the system's (POSIX record locks, which NFS knows too), so it is gone at once when the process is, by
    kill -9 as well, and workers that it has forked do not hold it. Where the file system has none, the file itself
    counts, until its process is gone; of another machine's it is not known whether it is.

    Args:
        doing: what whoever has the folder does, for messages: "trains in it".
        other: what gives another folder: "--out".

    Raises:
        Error: another process has it; it says which, and where. Or the folder cannot be made or written to.
    """
    made, path = not folder.exists(), folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = folder.resolve()
        if own in _OURS:
            raise _Taken(_OURS[own])
        file = _take(path, mine := _mine())
    except _Taken as taken:
        who, since = "another process", ""
        if taken.holder:
            who, since = "process {pid} on {host}".format(**taken.holder), f" since {taken.holder['since']}"
        raise Error(f"{folder}: {who} {doing}{since}; let it finish, or take another {other}{taken.more}") from None
    except OSError as error:
        raise Error(f"{folder}: no folder to write to ({error.strerror}); take another {other}") from None
    _OURS[own] = mine
    try:
        yield
    finally:
        del _OURS[own]
        if sys.platform == "win32":
            file.close()  # there no open file can be removed
        with suppress(OSError):
            path.unlink()
        file.close()
        if made:
            with suppress(OSError):  # something is in it
                folder.rmdir()


def _take(path: Path, mine: dict[str, Any]) -> TextIO:
    """The file, open, locked and with this in it.

    Raises:
        _Taken, OSError: it cannot be had.
    """
    while True:
        file, fresh = _opened(path)
        holder = _holder(path)
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            file.close()
            raise _Taken(holder) from None
        except OSError:  # a file system without locks
            if not fresh:
                file.close()
                if _may_live(holder):
                    raise _Taken(holder, f"; if it has ended, remove {path}") from None
                path.unlink(missing_ok=True)
                continue
        if _is(file, path):
            file.seek(0)
            file.truncate()
            file.write(json.dumps(mine) + "\n")
            file.flush()
            return file
        file.close()  # its holder has just removed it: another may have made a new one


def _opened(path: Path) -> tuple[TextIO, bool]:
    """The file, and whether it is new."""
    while True:
        with suppress(FileExistsError):
            return path.open("x+", encoding="utf-8"), True
        with suppress(FileNotFoundError):
            return path.open("r+", encoding="utf-8"), False


def _lock(file: TextIO) -> None:
    if sys.platform == "win32":
        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is(file: TextIO, path: Path) -> bool:
    """Whether it is the file that is there under the name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _mine() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}


def _holder(path: Path) -> dict[str, Any]:
    """What the file says of its holder; nothing where it is just being written."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return {"pid": int(found["pid"]), "host": one_line(found["host"]), "since": one_line(found["since"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _may_live(holder: dict[str, Any]) -> bool:
    if holder.get("host") != socket.gethostname() or sys.platform == "win32":
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it lives, and is somebody else's
        return True
    return True
