"""Processes that work without meeting, and can still ask each other to stop."""

from contextlib import suppress

import torch.distributed as dist
from torch.distributed import distributed_c10d

from ..distributed import World

WORD = "i2sbkit: called off"


def call_off(world: World) -> None:
    """Ask all processes to leave off what each does for itself; they see it by `called_off`, and nobody waits."""
    if world.size > 1:
        with suppress(dist.DistNetworkError):  # who held the store has gone, which the others see as well
            distributed_c10d._get_default_store().set(WORD, "")


def called_off(world: World) -> bool:
    """Whether one of them has asked, or has gone with the store that they would ask by."""
    try:
        return world.size > 1 and distributed_c10d._get_default_store().check([WORD])
    except dist.DistNetworkError:
        return True
