"""Which nodes a walk visits."""

import torch
from torch import Tensor


def evenly(last: int, nfe: int) -> list[int]:
    """nfe + 1 evenly spaced nodes, descending from `last` to 0.

    The stride is accumulated in floating point, then rounded: the authors' spacing, which `round(i * stride)` misses
    for many nfe.
    """
    stride, position, ascending = last / nfe, 0.0, []
    for _ in range(nfe + 1):
        ascending.append(round(position))
        position += stride
    return ascending[::-1]


def along(curve: Tensor, nfe: int) -> list[int]:
    """nfe + 1 different nodes, descending from the last to 0, whose values on a monotone curve (N,) are evenly spaced.

    Where the curve has no finite value at an end, as at the ends of a bridge, its neighbour's stands for it.
    """
    inner = curve[torch.isfinite(curve)] if nfe > 1 else curve.new_zeros(1)  # one step needs no value
    targets = torch.linspace(float(inner[-1]), float(inner[0]), nfe + 1, dtype=torch.float64)
    off = (torch.where(torch.isfinite(curve), curve, torch.inf)[:, None] - targets).abs()
    nodes = off.argmin(dim=0).tolist()
    nodes[0], nodes[-1] = len(curve) - 1, 0
    for place in range(1, nfe):
        nodes[place] = min(nodes[place], nodes[place - 1] - 1)
    for place in range(nfe - 1, 0, -1):
        nodes[place] = max(nodes[place], nodes[place + 1] + 1)
    return nodes
