"""What a part must leave alone: the state that all of a process shares."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

TORCH = "torch's global generator"
FRESH = 20231006
"""A seed that nobody sets: what seeds a generator anew changes it then, however often it did so before."""


def changed(action: Callable[[], object]) -> set[str]:
    """What an action changes of the state that all of a process shares, in words."""
    with seeded(FRESH):
        before = _state()
        action()
        after = _state()
    return {name for name in before if before[name] != after[name]}


def _state() -> dict[str, Any]:
    return {
        TORCH: bytes(torch.get_rng_state().tolist()),
        "Python's global generator": random.getstate(),
        "NumPy's global generator": repr(np.random.get_state()),
        "torch's default dtype": torch.get_default_dtype(),
        "whether torch records gradients": torch.is_grad_enabled(),
        "torch's number of threads": torch.get_num_threads(),
        "whether torch is deterministic": torch.are_deterministic_algorithms_enabled(),
        "the environment": dict(os.environ),
        "the current folder": os.getcwd(),  # noqa: PTH109 - the state itself, not a path to work with
    }


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within the block all global generators begin from a seed; after it they are as they were."""
    torch_state, python, numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(torch_state)
        random.setstate(python)
        np.random.set_state(numpy)
