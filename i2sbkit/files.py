"""Files that are whole or not there."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".i2sbkit-{}.tmp"
LEFT = (TEMPORARY.format("*"), ".tmp" + 6 * "[0-9A-Za-z]")
"""What a process that is killed may leave; safetensors writes to a file of its own beside ours."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What goes wrong in writing alone."""


@contextmanager
def atomic(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """A temporary path beside `path`; when the block ends well it is synced to disk and takes the place of `path`.

    Otherwise it is removed, and `path` is as it was. Who may read and write a file that is replaced may do so after.

    Args:
        folder: where it lies instead, on the same file system: one that is removed in the end, whoever is killed.

    Raises:
        OSError: it cannot be written; where there is no room for it, with its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = (folder or path.parent) / TEMPORARY.format(
        secrets.token_hex(8)
    )  # short: names may be as long as is allowed
    try:
        with _named(path):
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


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Within the block an OSError for want of room has a file's name, which Python leaves out where it is open."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
        raise


def sweep(folder: Path) -> None:
    """Remove what a process that was killed left half-written in a folder."""
    for pattern in LEFT:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, "utf-8")


def append_text(path: Path, text: str) -> None:
    """Add to the end of a text file."""
    with _named(path), path.open("a", encoding="utf-8") as file:
        file.write(text)
