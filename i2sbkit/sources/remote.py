"""Files behind URLs, read by byte range through fsspec: `https:`, `s3:`, `gs:` and whatever else it knows."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Literal, TypeVar

from ..kernel.errors import Error
from ..printable import one_line
from .attempts import Absent, NoRanges, tried

URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
USER = re.compile(r"https?://.*@|[^:]+://[^@]*:.*@", re.IGNORECASE | re.DOTALL)
"""A URL with a user, or with a password, which may hold any sign."""
THREADS = 16
"""Requests under way at a time while shards are opened."""
TIMEOUT = 60.0
"""Seconds that one request may take."""
BLOCK = 4096
"""Bytes read at a tar's header: room for a long name, and for the labels and texts before the next picture."""

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file as it was when it was opened: its size in bytes, and the server's mark of its content if it gave one."""

    url: str
    size: int
    etag: str | None = None

    def __str__(self) -> str:
        return one_line(self.url)

    def read(self, offset: int, size: int) -> bytes:
        """A range of bytes.

        Raises:
            Error: it cannot be had, or an HTTP server says that the file has changed (other protocols do not say).
        """
        return tried(str(self), partial(self._get, offset, size))

    def _get(self, offset: int, size: int) -> bytes:
        files, path = _filesystem(self.url)
        data: bytes = files.cat_file(path, start=offset, end=offset + size, **_limits(files), **self._unchanged(files))
        if len(data) > size:
            raise NoRanges
        if len(data) < size:
            raise OSError(f"{len(data)} of {size} bytes came")
        return data

    def _unchanged(self, files: Any) -> dict[str, Any]:
        """What makes an HTTP server refuse where the file is no longer the one that was opened."""
        if "http" not in files.protocol:
            return {}
        headers = {**files.kwargs.get("headers", {}), "Accept-Encoding": "identity"}
        if self.etag and not self.etag.startswith("W/"):  # a weak one matches nothing
            headers["If-Match"] = self.etag
        return {"headers": headers}

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """The whole as a file, for small pieces here and there."""
        return io.BufferedReader(_Ranges(self), BLOCK)

    def read_beside(self, suffix: str) -> bytes | None:
        """All of the file that is called as this one and `suffix`; None where there is none.

        Raises:
            Error: it cannot be had.
        """

        def get() -> bytes:
            files, path = _filesystem(self.url + suffix)
            return bytes(files.cat_file(path, **_limits(files)))

        try:
            return tried(f"{self}{suffix}", get)
        except Absent:
            return None

    def write_beside(self, suffix: str, data: bytes) -> None:
        """Write that file.

        Raises:
            Error: nothing can be written there.
        """

        def put() -> None:
            files, path = _filesystem(self.url + suffix)
            files.pipe_file(path, data)

        tried(f"{self}{suffix}", put)


class _Ranges(io.RawIOBase):
    """A remote file as Python's files are."""

    def __init__(self, remote: Remote) -> None:
        self._remote, self._place = remote, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._remote.size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        data = self._remote.read(self._place, max(0, min(len(buffer), self._remote.size - self._place)))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def find(urls: Iterable[str]) -> list[Remote]:
    """The files behind URLs; a * stands for all names that there are, where the protocol can list them.

    Raises:
        Error: there is no such file, or its size is not known.
    """
    return together(_opened, [match for url in urls for match in (_listed(url) if "*" in url else [url])])


def together(function: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """The function of each item, several at a time: most of its time is spent waiting for servers."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, items))


def check_url(url: str) -> None:
    """Refuse what run folders and the headers of weights must not hold: a URL, or pattern, with a secret in it.

    Raises:
        Error: it has a password or query, or is none of a file; the message leaves the secret out.
    """
    plain = one_line(re.split(r"[?#]", url)[0] if "@" not in url else f"{url.partition('://')[0]}://...")
    if USER.match(url):
        raise Error(f"{plain}: given with a user or password, which weights would tell; docs/scale.md has another way")
    if "?" in url or "#" in url:
        raise Error(f"{plain}: given with a ? or #; what follows may be secret, and weights would tell; leave it out")
    if "::" in url:
        raise Error(f"{plain}: URLs within URLs are not read; give that of the tar itself")
    if url.endswith("/"):
        raise Error(f"{plain}: a folder; write {plain}*.tar or {plain}NAME-{{000000..000099}}.tar")


def _listed(url: str) -> list[str]:
    """All that a pattern stands for."""

    def glob() -> list[str]:
        files, path = _filesystem(url)
        return sorted(files.unstrip_protocol(match) for match in files.glob(path))

    found = tried(one_line(url), glob)
    if not found:
        raise Error(f"{one_line(url)}: nothing there, or the server has no lists; write NAME-{{000000..000099}}.tar")
    return found


def _opened(url: str) -> Remote:
    def info() -> dict[str, Any]:
        files, path = _filesystem(url)
        found: dict[str, Any] = files.info(path, **_limits(files))
        if found.get("partial") is False:
            raise NoRanges
        return found

    found = tried(one_line(url), info)
    if found.get("type") == "directory":
        raise Error(f"{one_line(url)}: a folder; write {one_line(url)}/*.tar")
    if not isinstance(found.get("size"), int):
        raise Error(f"{one_line(url)}: the server does not say its size; download it, or take a server that does")
    return Remote(url, found["size"], found.get("ETag"))


def _filesystem(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, of which it keeps one a process, and the path in it."""
    from fsspec.core import url_to_fs

    found: tuple[Any, str] = url_to_fs(url)
    return found


def _limits(files: Any) -> dict[str, float]:
    return {"timeout": TIMEOUT} if files.async_impl else {}
