"""xformers as a module of one function, so that what is done with it can be tested where it does not run."""

import sys
import types
from functools import cache

import torch.nn.functional as F

from i2sbkit import attending


def stand_in(monkeypatch, attention):
    """Until the test ends xformers is `attention`; it warns on stderr when used, as the real one does when imported."""
    package, ops = types.ModuleType("xformers"), types.ModuleType("xformers.ops")
    package.__version__, package.ops = "0.0.99", ops

    def noisy(q, k, v):
        print("WARNING[XFORMERS]: can't load", file=sys.stderr)
        return attention(q, k, v)

    ops.memory_efficient_attention = noisy
    monkeypatch.setitem(sys.modules, "xformers", package)
    monkeypatch.setitem(sys.modules, "xformers.ops", ops)
    forget(monkeypatch)


def forget(monkeypatch):
    """Until the test ends what was found out about backends is found out anew."""
    monkeypatch.setattr(attending, "attention_problem", cache(attending.attention_problem.__wrapped__))


def refuse(q, k, v):
    """A device that xformers has no operator for."""
    raise NotImplementedError("No operator found\nfor these inputs")


def by_sdpa(q, k, v):
    """What memory_efficient_attention computes, on its layout: (B, tokens, heads, channels)."""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
