"""Reading from servers that may be busy: what is tried again, and what is said in the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import sleep
from typing import TypeVar

from ..kernel.errors import Error
from ..printable import one_line

WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts."""
LATER = (408, 425, 429, 500, 502, 503, 504)
"""Answers of an HTTP server that may be others a little later."""
FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError)
"""Of the errors that are a connection's or a file's (OSError, aiohttp's), those that are the same next time."""
SECRET = re.compile(r"\?[^\s'\"]*|(?<=//)[^/@\s'\"]*@")
"""What may be secret in a URL within a message: where a server redirects to is often signed."""

T = TypeVar("T")


class Absent(Error):
    """There is no such file, or none that may be read: where a bucket may not be listed, its answers are the same."""


class NoRanges(Exception):
    """The server sends the whole file, whatever part of it is asked for."""


def tried(place: str, attempt: Callable[[], T]) -> T:
    """What an attempt gives; failures that may pass are waited out, for 15 seconds in all.

    Args:
        place: what messages call it; holds no secret.

    Raises:
        Absent: there is no such file, or it may not be read.
        Error: it failed in another way, or in every attempt.
    """
    waits = iter(WAITS)
    while True:
        try:
            return attempt()
        except Exception as failure:  # each of fsspec's file systems has its own
            error = _true_cause(failure)
            wait = next(waits, None) if _may_pass(error) else None
            if wait is None:
                raise _told(place, error) from None
            sleep(wait)


def _true_cause(failure: Exception) -> BaseException:
    """fsspec says that there is no file for whatever keeps it from a size over HTTP."""
    cause = failure.__cause__
    hidden = isinstance(failure, FileNotFoundError) and (isinstance(cause, OSError) or _of_http(cause))
    return cause if cause and hidden else failure


def _of_http(error: BaseException | None) -> bool:
    return type(error).__module__.partition(".")[0] == "aiohttp"


def _status(error: BaseException) -> int:
    """What an HTTP server answered; 0 where none did."""
    status = getattr(error, "status", None)
    return status if isinstance(status, int) else 0


def _may_pass(error: BaseException) -> bool:
    if status := _status(error):
        return status in LATER
    return (isinstance(error, OSError) or _of_http(error)) and not isinstance(error, FINAL)


def _told(place: str, error: BaseException) -> Error:
    """What is wrong, and what to do."""
    status = _status(error)
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return Absent(f"{place}: no such file")
    if isinstance(error, PermissionError) or status in (401, 403):
        return Absent(f"{place}: not there, or may not be read; docs/scale.md says how to give the right to")
    if status == 412:
        return Error(f"{place}: has changed since it was opened; the same command opens it anew")
    if isinstance(error, NoRanges):
        return Error(f"{place}: the server does not send parts of files; download it, or take a server that does")
    what = f"HTTP {status}" if status else SECRET.sub("", f"{type(error).__name__}: {error}".removesuffix(": "))
    if isinstance(error, ImportError):
        return Error(f'{place}: {one_line(what)}; pip install "i2sbkit[remote]" brings what https: and s3: need')
    if _may_pass(error):
        what = f"{len(WAITS) + 1} times, lastly {what}"
        return Error(f"{place}: failed {one_line(what)}; the same command goes on once it is there again")
    return Error(f"{place}: failed, {one_line(what)}; docs/scale.md has what is needed")
