"""`--deterministic`: the same bytes each time, on the same machine with the same versions (docs/determinism.md)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .kernel.errors import Error

WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
"""Without it cuBLAS takes memory by its streams' turns, and sums in another order each time."""
NO_SUCH_FORM = re.compile(r"(\S+) does not have a deterministic implementation")
"""What torch says of an operation that cannot be had so."""


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Within the block torch works deterministically, if that is wanted, and what clocks and free memory tell is left.

    Raises:
        Error: an operation of the network or of the optimiser has no deterministic form on this device.
    """
    if not wanted:
        yield
        return
    os.environ.setdefault(*WORKSPACE)  # read when CUDA begins
    before = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    except RuntimeError as error:
        found = NO_SUCH_FORM.search(str(error))
        if found is None:
            raise
        what = f"{found[1]} has no deterministic form on this device"
        raise Error(f"--deterministic: {what}; leave the option out, or take --device cpu") from error
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn


def deterministic_now() -> bool:
    """Whether it was asked for: then nothing that is written may follow from a clock or from free memory."""
    return torch.are_deterministic_algorithms_enabled()
