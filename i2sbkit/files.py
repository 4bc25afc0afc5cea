"""Files that are whole or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".i2sbkit-{}.tmp"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; when the block ends well it is synced to disk and takes the place of `path`.

    Otherwise it is removed, and `path` is as it was. Who may read and write a file that is replaced may do so after.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(TEMPORARY.format(secrets.token_hex(8)))  # short: names may be as long as is allowed
    try:
        temporary.touch()
        mode = (path if path.is_file() else temporary).stat().st_mode & 0o777
        temporary.chmod(mode | 0o600)  # at no time may others read more than before
        yield temporary
        with temporary.open("rb+") as file:
            temporary.chmod(mode)  # some writers replace the file by one that only its owner may read
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a process that was killed left half-written in a folder."""
    for path in folder.glob(TEMPORARY.format("*")):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, "utf-8")
