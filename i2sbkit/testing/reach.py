"""Whether a network sees as far as its backbone says: what makes tiles of a picture give the whole picture."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .backbone import Built

CLOSE = 1e-4
"""Of a network's largest output."""
LOUD = 10.0
"""What a pixel is set to, so that it is heard from afar."""
MOST_PLACES = 4


def sees_as_far_as_it_says(case: Built) -> str | None:
    """Where `receptive_field` is a number, no pixel further away than that changes the output."""
    reach = case.backbone.receptive_field
    if reach is None:
        return None
    for upright in (False, True):
        far = max(_reaches(case, column, upright) for column in _columns(case, reach))
        if far > reach:
            where = "up or down" if upright else "left or right"
            return f"a pixel changed the output {far} pixels {where}, where receptive_field is {reach}"
    return None


def knows_no_place(case: Built) -> str | None:
    """Where `receptive_field` is a number, a part of a picture gives, that far from its edges, what the whole gives."""
    reach, unit = case.backbone.receptive_field, case.backbone.multiple_of
    if reach is None:
        return None
    x = _strip(case, reach)
    cut = x.shape[-1] // 2 // unit * unit
    for upright in (False, True):
        whole, part = _seen(case, x, upright), _seen(case, x[..., cut:], upright)
        off = float((whole[..., cut + reach :] - part[..., reach:]).abs().max() / whole.abs().max())
        if off > CLOSE:
            return f"they differ by {off:.2g} of the largest output"
    return None


REACH = (sees_as_far_as_it_says, knows_no_place)


def _strip(case: Built, reach: int) -> Tensor:
    """A picture (1, 6, H, W) as low as may be, and wide enough that half of it is wider than the reach."""
    unit = case.backbone.multiple_of
    width = -(-(2 * reach + 4 * case.x.shape[2] + unit) // unit) * unit
    return 2 * torch.rand(1, 6, case.x.shape[2], width, generator=torch.Generator().manual_seed(0)) - 1


def _columns(case: Built, reach: int) -> list[int]:
    """Where pixels are changed: at all places that the network may tell apart, or some of them, near the middle."""
    unit, middle = case.backbone.multiple_of, _strip(case, reach).shape[-1] // 2
    first = middle // unit * unit
    return sorted({first + round(k * (unit - 1) / (MOST_PLACES - 1)) for k in range(MOST_PLACES)})


def _reaches(case: Built, column: int, upright: bool) -> int:
    """How far from a column the output differs where that column does."""
    x = _strip(case, case.backbone.receptive_field or 0)
    loud = x.clone()
    loud[..., column] = LOUD
    different = (_seen(case, x, upright) != _seen(case, loud, upright)).any(dim=(0, 1, 2)).nonzero().flatten()
    return int((different - column).abs().max()) if len(different) else 0


def _seen(case: Built, x: Tensor, upright: bool) -> Tensor:
    """The output for a strip, lying or standing; by plain convolutions, where no number reaches beyond its own sum."""
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # torch's switch warns of a processor that is not there
        with torch.backends.mkldnn.flags(enabled=False):
            y: Tensor = case.net(x.mT if upright else x, case.t[1:2])
    return y.mT if upright else y
