"""One shard: a tar in webdataset's format, and the index that may lie beside it.

Files of one name up to its first dot form a sample. Only pictures, .npy, .json, .txt and .cls are seen; nothing that
could be a pickle is ever read. Beside a clean picture KEY.png its degraded one may lie as KEY.degraded.png.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..files import write_text
from ..images import FORMATS
from ..kernel.errors import Error
from ..plain import short
from .remote import Remote
from .skipping import Damaged, Skipped

PICTURES = tuple(suffix[1:] for suffix in FORMATS)
DEGRADED = "degraded."
"""What an extension begins with where it is that of a sample's degraded picture."""
DEGRADED_PICTURES = tuple(DEGRADED + extension for extension in PICTURES)
READABLE = (*PICTURES, *DEGRADED_PICTURES, "npy", "json", "txt", "cls")
INDEX = ".index.json"
"""What the name of a shard's index ends with, behind the shard's own."""

Place = Path | Remote
"""Where a shard lies."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of one file: in a shard, or the file itself at offset 0."""

    path: Place
    offset: int
    size: int

    def read(self) -> bytes:
        """The bytes.

        Raises:
            Error: they are no longer there.
        """
        if isinstance(self.path, Remote):
            return self.path.read(self.offset, self.size)
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.size)
        except OSError as error:
            raise Error(f"{self.path}: cannot be read ({error})") from None
        if len(data) < self.size:
            raise Error(f"{self.path}: shorter than when it was opened; start again with the shard as it is")
        return data


def scan_shard(path: Place, skipped: Skipped | None = None) -> dict[str, dict[str, Part]]:
    """key -> extension -> part, in the order of the tar; from its index where one lies beside it and is current.

    Args:
        skipped: takes note where the tar is damaged, and what comes before the damage is given. The sample next to it
            is left out as well: it may lack parts.

    Raises:
        Error: it cannot be read; or not a tar, or truncated, and `skipped` is strict or None.
    """
    indexed = read_index(path)
    return scan_tar(path, skipped) if indexed is None else indexed


def scan_tar(path: Place, skipped: Skipped | None = None) -> dict[str, dict[str, Part]]:
    """`scan_shard` without a look at the index."""
    found: dict[str, dict[str, Part]] = {}
    try:
        for key, extension, part in walk_tar(path):
            found.setdefault(key, {})[extension] = part
    except Damaged as damaged:
        if skipped is None:
            raise
        skipped.add(damaged)
        if found:
            found.popitem()
    return found


def walk_tar(path: Place) -> Iterator[tuple[str, str, Part]]:
    """(key, extension, part) of every readable file in a tar, in its order; only headers are read.

    Raises:
        Damaged: not a tar, or truncated; what comes before the damage has been given by then.
        Error: it cannot be read.
    """
    for member in walk_members(path):
        key, extension = split_name(member.name)
        if member.isreg() and not member.issparse() and key and extension in READABLE:
            yield key, extension, Part(path, member.offset_data, member.size)


def split_name(name: str) -> tuple[str, str]:
    """The key and the extension, in lower case, of a file in a shard; without a key it belongs to no sample."""
    folder, _, base = name.rpartition("/")
    stem, _, extension = base.partition(".")
    return (f"{folder}/{stem}" if folder and stem else stem), extension.lower()


def walk_members(path: Place) -> Iterator[tarfile.TarInfo]:
    """Whatever is in a tar, in its order; only headers are read.

    Raises:
        Error: as `walk_tar`.
    """
    try:
        size = path.size if isinstance(path, Remote) else path.stat().st_size
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if member.offset_data + member.size > size:
                    raise _unreadable(path, "truncated")
                yield member
        # tarfile takes a header that is cut off or damaged for the end; the true end is a block of zeros.
        if Part(path, tar.offset, min(tarfile.BLOCKSIZE, size - tar.offset)).read() != bytes(tarfile.BLOCKSIZE):
            raise _unreadable(path, f"truncated or damaged at byte {tar.offset}")
    except Error:
        raise
    except OSError as error:
        raise Error(f"{path}: cannot be read ({error})") from None
    except Exception as error:  # of headers that lie, tarfile also raises MemoryError, RecursionError and others
        raise _unreadable(path, f"not a readable tar ({type(error).__name__}: {short(error)})") from None


def _unreadable(path: Place, what: str) -> Damaged:
    return Damaged(str(path), "", f"{what}; `i2sbkit shards check {path}` says more")


def index_path(shard: Path) -> Path:
    """Where the index of a shard lies."""
    return shard.with_name(shard.name + INDEX)


def index_bytes(shard: Place) -> bytes | None:
    """What lies beside a shard as its index, empty where it cannot be read; None where nothing lies there.

    Raises:
        Error: a server does not give it.
    """
    if isinstance(shard, Remote):
        return shard.read_beside(INDEX)
    try:
        return index_path(shard).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def write_index(shard: Place) -> Path | str:
    """Write the index of a shard: where each of its files lies, so that opening it reads no tar. Its path, or URL.

    Raises:
        Error: not a tar, or truncated, or nothing can be written beside it.
    """
    try:
        mark = _mark(shard)  # before the scan: the index of a shard replaced meanwhile must not pass for current
    except OSError as error:
        raise Error(f"{shard}: cannot be read ({error})") from None
    samples = {
        key: {extension: (part.offset, part.size) for extension, part in parts.items()}
        for key, parts in scan_tar(shard).items()
    }
    text = json.dumps({**mark, "samples": samples}) + "\n"
    if isinstance(shard, Remote):
        shard.write_beside(INDEX, text.encode())
        return f"{shard}{INDEX}"
    write_text(index_path(shard), text)
    return index_path(shard)


def read_index(shard: Place) -> dict[str, dict[str, Part]] | None:
    """The index beside a shard, or None where there is none for the shard as it is.

    Raises:
        Error: a server does not give it.
    """
    try:
        document = json.loads(index_bytes(shard) or b"")
        mark = _mark(shard)
        if {key: document[key] for key in mark} != mark:
            return None
        return {
            key: {extension: _part(shard, extension, place, mark["size"]) for extension, place in parts.items()}
            for key, parts in document["samples"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _mark(shard: Place) -> dict[str, int]:
    """By what an index knows its shard. Uploading changes the time, so of a remote one the size must do."""
    if isinstance(shard, Remote):
        return {"size": shard.size}
    stat = shard.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _part(shard: Place, extension: str, place: tuple[object, object], total: int) -> Part:
    """A part as an index gives it.

    Raises:
        ValueError: no shard of `total` bytes holds such a part.
    """
    offset, size = place
    if extension not in READABLE or not (isinstance(offset, int) and isinstance(size, int)):
        raise ValueError(extension)
    if min(offset, size) < 0 or offset + size > total:
        raise ValueError(extension)
    return Part(shard, offset, size)
