"""`--nproc`: the same command in several processes on this machine, by torch's launcher, as torchrun would start it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Sequence
from types import FrameType

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from .kernel.errors import Error

HERE = "127.0.0.1"
PATIENCE = 120
"""Seconds that processes have to save and end after a signal, before they are killed; torch's own are 30."""


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Run `i2sbkit ARGUMENTS` in so many processes; signals are handed on to them.

    Returns:
        Their exit code: the first that is not 0, or that of the signal that ended them.

    Raises:
        Error: one of them was killed.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torchrun's default too, of which it warns at length
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(PATIENCE))
    for name in ("torch.distributed.elastic.multiprocessing.api", "torch.distributed.elastic.agent.server.api"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what went wrong the processes have said themselves
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _hand_on)
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=uuid.uuid4().hex, rdzv_backend="c10d",
        rdzv_endpoint=f"{HERE}:0", local_addr=HERE, max_restarts=0, monitor_interval=0.1, signals_to_handle="",
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-m", "i2sbkit", *arguments)
    except SignalException as stopped:
        return 128 + stopped.sigval
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        if failure.exitcode >= 0:
            return failure.exitcode
        name = signal.Signals(-failure.exitcode).name
        raise Error(
            f"process {rank} was ended by {name}; the same command goes on from the last state that was saved"
        ) from None
    return 0


def _hand_on(signum: int, frame: FrameType | None) -> None:
    """Have torch's launcher hand a signal on, as its own handler would, and wait for the processes to end.

    Not while it looks whether one of them has ended already: an exception there leaves a lock of `subprocess` taken,
    and the launcher would wait in vain for processes that are gone, until its patience ends.
    """
    if frame is not None and frame.f_code.co_filename == subprocess.__file__:
        threading.Timer(0.05, os.kill, (os.getpid(), signum)).start()
        return
    ask = signal.SIGINT if signum == signal.SIGINT else signal.SIGTERM  # a closed terminal asks to save, too
    raise SignalException(f"process {os.getpid()} got {ask.name}", sigval=ask)
