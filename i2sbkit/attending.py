"""Attention for backbones, by torch's SDPA or by xformers: one layout, and a plain answer to what runs where."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .kernel.errors import Error

BACKENDS = ("auto", "sdpa", "xformers")


def attention(q: Tensor, k: Tensor, v: Tensor, backend: str = "auto") -> Tensor:
    """softmax(q k^T / sqrt(channels)) v (Vaswani et al. 2017, Eq. 1), each (B, heads, tokens, channels).

    Args:
        backend: "auto" and "sdpa" take `torch.nn.functional.scaled_dot_product_attention`, "xformers" its
            `memory_efficient_attention`, or SDPA on a device where that does not run: the same numbers to rounding.
            `check_attention` says so beforehand.

    Raises:
        Error: no such backend.
    """
    if _known(backend) != "xformers" or attention_problem("xformers", q.device):
        return F.scaled_dot_product_attention(q, k, v)
    from xformers.ops import memory_efficient_attention

    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # xformers has the tokens before the heads
    mixed: Tensor = memory_efficient_attention(q, k, v)
    return mixed.transpose(1, 2)


def check_attention(backend: str, device: torch.device) -> None:
    """Refuse a backend that cannot run on a device; for a backbone's `check_device`.

    Raises:
        Error: it cannot, and why; or no such backend.
    """
    problem = attention_problem(backend, device)
    if problem:
        raise Error(
            f'attention = "{backend}" cannot run on {device} ({problem}); "auto" takes SDPA, which gives the same '
            "numbers"
        )


@cache
def attention_problem(backend: str, device: torch.device) -> str | None:
    """Why a backend cannot run on a device, or None where it can; found by trying it, once.

    Raises:
        Error: no such backend.
    """
    if _known(backend) != "xformers":
        return None
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():  # it says at length what it lacks
            warnings.simplefilter("ignore")
            import xformers.ops

            q = torch.zeros(1, 16, 1, 32, device=device)
            xformers.ops.memory_efficient_attention(q, q, q)
    except ModuleNotFoundError as error:
        if error.name == "xformers":
            return 'not installed: pip install "i2sbkit[xformers]"'
        return f"does not run here: {_reason(error)}"
    except Exception as error:  # a CUDA library that is missing, no operator, an architecture it was not built for
        return f"does not run here: {_reason(error)}"
    return None


def _known(backend: str) -> str:
    if backend not in BACKENDS:
        raise Error(f"no attention backend {backend!r}; there are: {', '.join(BACKENDS)}")
    return backend


def _reason(error: Exception) -> str:
    """The first line of an exception, and the first cause that xformers lists below it."""
    text = str(error).strip()
    cause = re.search(r"is not supported because:\s*(.+)", text)
    return f"{type(error).__name__}: {text.partition(chr(10))[0]}{f' {cause[1]}' if cause else ''}"
