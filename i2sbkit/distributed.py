"""Several processes that work as one: who is who, what they agree on, and how they end together.

torchrun starts them, on one machine or several; without it there is one process, for which nothing here does anything.
No process waits for one that has gone: what goes wrong in one is told to all where they meet, and a connection that is
lost is an error in each.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from .devices import own_device, pick_device
from .kernel.errors import Error
from .stopping import Stopped, stop_requests

TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others, of which one may be writing a large state, before it gives up."""
A_YEAR = timedelta(days=365)
"""The same where each has work of its own until it meets the others."""
TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun puts into the environment."""
LOST = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")
"""What torch says where another process has gone."""
UNUSED = "Expected to have finished reduction in the prior iteration"
"""What DDP says where a parameter got no gradient."""

_KEPT: list[object] = []
"""Groups, until Python ends: a group that is freed may wait for a thread of its own that waits for Python."""

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The processes of a run: `rank` counts through all of them, `local_rank` through those of one machine.

    What its methods do they do with all processes: each must call them, in the same order.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def of_environment(cls) -> World:
        """As torchrun tells it; one process where it does not.

        Raises:
            Error: it is told in something else than numbers.
        """
        if not all(name in os.environ for name in TOLD):
            return cls()
        try:
            rank, size, local_rank = (int(os.environ[name]) for name in TOLD[:3])
        except ValueError:
            told = " ".join(f"{name}={os.environ[name]}" for name in TOLD[:3])
            raise Error(f"{told}: not what torchrun sets; unset them, or start with torchrun") from None
        return cls(rank, size, local_rank)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks for all."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's of some items that all know: every `size`-th."""
        return items[self.rank :: self.size]

    def largest(self, number: int) -> int:
        """The largest of the processes' numbers."""
        if self.size == 1:
            return number
        held = torch.tensor(number)
        dist.all_reduce(held, dist.ReduceOp.MAX)
        return int(held)

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean of the processes' tensors."""
        if self.size == 1:
            return tensor
        held = tensor.detach().clone()
        dist.all_reduce(held)
        return held / self.size

    def shared(self, make: Callable[[], T]) -> T:
        """What the first process makes, for all; it must be picklable.

        Raises:
            Error: the first process cannot make it.
        """
        if self.size == 1:
            return make()
        held: list[Any] = [None]
        with self.agreed():
            if self.first:
                held = [make()]
        dist.broadcast_object_list(held, src=0, device=torch.device("cpu"))
        return held[0]  # type: ignore[no-any-return]

    def gathered(self, value: T) -> list[T]:
        """The processes' values in the first, by rank; in the others nothing."""
        if self.size == 1:
            return [value]
        held: list[Any] | None = [None] * self.size if self.first else None
        dist.gather_object(value, held, dst=0)
        return held or []

    def wait(self) -> None:
        """Return when all processes have come here.

        A signal to stop, which goes to all, is no reason to leave: the others come here soon, or end, which is noticed.
        """
        if self.size == 1:
            return
        meeting = dist.all_reduce(torch.zeros(()), async_op=True)
        with stop_requests():
            while not meeting.is_completed():
                time.sleep(0.1)
        meeting.wait()

    def check_same(self, facts: Mapping[str, str]) -> None:
        """See that what this process found is what the first did.

        Raises:
            Error: naming what differs.
        """
        of_first = self.shared(lambda: facts)
        with self.agreed():
            for name, fact in facts.items():
                if fact != of_first.get(name):
                    raise Error(f"{name}: {fact} here, {of_first.get(name)} in process 0; all machines need the same")

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """An error of one process within the block is an error of all: the first raises it, the others leave silently.

        The block must not need the other processes: who has gone is no longer there to answer.

        Raises:
            Error: what one of them raised; it says which, where it is not the first.
            SystemExit: in the others.
        """
        if self.size == 1:
            yield
            return
        problem = None
        try:
            yield
        except (Error, OSError) as error:
            problem = str(error) or type(error).__name__
        if not self.largest(int(problem is not None)):
            return
        place = f"process {self.rank} on {socket.gethostname()}: " if self.rank else ""
        told = self.gathered(problem and place + problem)
        if not self.first:
            raise SystemExit(2)
        raise Error(next(filter(None, told)))


@contextmanager
def joined(device: str, timeout: timedelta = TIMEOUT) -> Iterator[tuple[World, torch.device]]:
    """This process among those of torchrun, and its device: a GPU of its own, or the CPU.

    On GPUs tensors go over NCCL, and what is said beside them over gloo: to agree must not wait for a GPU.

    Args:
        device: as `devices.pick_device` takes it.
        timeout: how long a process waits where it meets the others.

    Raises:
        Error: there is no such device, or none left for this process; or another process ended while this one worked.
    """
    world = World.of_environment()
    if world.size == 1:
        yield world, pick_device(device)
        return
    own = own_device(device, world.local_rank)
    if not world.first:
        os.environ["TTY_COMPATIBLE"] = "0"  # rich then draws no bar: two on one terminal would overwrite each other
    backend = "cpu:gloo,cuda:nccl" if own.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=timeout)
        _KEPT.append(dist.group.WORLD)
        yield world, own
    except RuntimeError as error:
        reason = _explained(str(error))
        if reason is None:
            raise
        raise Error(reason) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def leave(code: int) -> None:
    """End a process that worked with others, with this exit code; return where it worked alone.

    Python's own end is left out: it frees the groups, whose threads may then wait for ever, or abort.
    """
    if _KEPT:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def one_voice(world: World) -> Iterator[None]:
    """Within the block the first process speaks for all: what others say on stderr is dropped, tracebacks excepted.

    Raises:
        SystemExit: in the others, where a signal stopped all.
    """
    if world.first:
        yield
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        try:
            yield
        except Stopped as stop:
            raise SystemExit(stop.exit_code) from None


def _explained(problem: str) -> str | None:
    """What an error of torch means, or None."""
    if UNUSED in problem:
        return (
            "the backbone has parameters that its output does not depend on, for whose gradients DDP would wait; "
            "set requires_grad = False on them, or train in one process"
        )
    if any(sign in problem for sign in LOST):
        lost = "another process of this run has ended, or cannot be reached any more; what it said tells why"
        return f"{lost} ({problem.splitlines()[0]})"
    return None
