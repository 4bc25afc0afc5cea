"""Pictures that lie in no file of their own, such as a pipe's or a shard's, as files for a while."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..kernel.errors import Error

LONGEST = 255
"""Most bytes in a file's name on the file systems in use."""


@contextmanager
def spooled(data: bytes, name: Path) -> Iterator[Path]:
    """A file of these bytes, if possible with the last part of `name`, that is gone when the block ends.

    What is said of it in the block, in an `Error` or a `UserWarning`, names `name` instead.
    """
    with tempfile.TemporaryDirectory(prefix="i2sbkit-") as folder:
        path = Path(folder, name.name if _can_be_a_file(name.name) else f"picture{name.suffix}")
        path.write_bytes(data)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            try:
                yield path
            except Error as error:
                raise Error(str(error).replace(str(path), str(name))) from None
        for warning in caught:
            warnings.warn(str(warning.message).replace(str(path), str(name)), stacklevel=3)


def _can_be_a_file(name: str) -> bool:
    try:
        return 0 < len(os.fsencode(name)) <= LONGEST and "\0" not in name
    except UnicodeEncodeError:
        return False
