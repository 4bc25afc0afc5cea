"""Leaving in good order: SIGTERM and Ctrl-C ask, the loop decides when."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(Exception):
    """The work was cut short by a signal, after saving; `exit_code` is 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, message: str, signum: int) -> None:
        super().__init__(message, signum)  # both, as it is made anew from them where it is unpickled
        self.exit_code = 128 + signum

    def __str__(self) -> str:
        return str(self.args[0])


class StopRequest:
    """Which signal asked to stop, if one did."""

    signum: int | None = None

    def __bool__(self) -> bool:
        return self.signum is not None


@contextmanager
def stop_requests(told: Callable[[], None] = lambda: None) -> Iterator[StopRequest]:
    """Within the block the first SIGTERM or SIGINT is only noted; a second SIGINT interrupts at once.

    Only the main thread can be asked: in others the signals stay with whoever handles them.

    Args:
        told: called once, when the first is noted.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(signum: int, frame: FrameType | None) -> None:
        if request and signum == signal.SIGINT:
            raise KeyboardInterrupt
        asked_before = bool(request)
        request.signum = signum
        if not asked_before:
            told()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
