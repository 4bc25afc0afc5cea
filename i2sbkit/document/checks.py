"""What must fit together in a recipe beyond its sections: the corruption, and the pictures it is to damage."""

from __future__ import annotations

import warnings

import torch
from torch import Generator

from ..kernel.errors import Error
from ..kernel.interfaces import Corruption
from .errors import Problems
from .schema import DataSection

TRIALS = 8


def check_damage(corruption: Corruption, data: DataSection, problems: Problems) -> None:
    """Note sizes that the corruption does not divide, and damage that comes with the data but is none it can lift."""
    for key in ("size", "margin", *(("val_size",) if data.val else ())):
        if (size := getattr(data, key)) % corruption.scale:
            problems.add(("data", key), f"must be a multiple of the corruption's scale, {corruption.scale}, got {size}")
    if data.margin and data.masks:
        problems.add(("data", "margin"), "masks are made for the crop itself; leave out this or data.masks")
    if data.margin and data.crop == "center":
        problems.add(("data", "margin"), 'has no room around a centre crop; leave it out, or take crop = "random"')
    if data.masks and data.paired:
        problems.add(("data", "masks"), "pairs take no masks; leave out this or data.paired")
    elif data.masks and not _makes_masks(corruption):
        what = 'masks are for a corruption that always makes some, such as corruption.name = "inpaint"; leave them out'
        problems.add(("data", "masks"), what)


def try_damage(corruption: Corruption, data: DataSection, problems: Problems) -> None:
    """Note a corruption that cannot damage the crops, tried on a few gray ones; pairs are damaged already."""
    side = data.size + 2 * data.margin
    if data.paired:
        return
    for seed in range(TRIALS):
        rng = Generator().manual_seed(seed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # sizes that a part crops are told here, by the lift
                lifted = corruption.lift(corruption.corrupt(torch.zeros(3, side, side), rng), rng)
        except Error as error:
            problems.add(("corruption",), f"cannot damage crops of {side}x{side} pixels (data.size): {error}")
            return
        if lifted.shape != (3, side, side):
            found = f"makes crops of {side}x{side} pixels (data.size) into {lifted.shape[2]}x{lifted.shape[1]}"
            problems.add(("corruption",), f"{found}: take a multiple of every scale in it")
            return


def _makes_masks(corruption: Corruption) -> bool:
    """Whether each of a few gray pictures comes back with a mask of its own size."""
    try:
        made = [corruption.corrupt(torch.zeros(3, 64, 64), Generator().manual_seed(seed)) for seed in range(4)]
    except Error:
        return False
    return all(y.mask is not None and y.mask.shape == (1, 64, 64) for y in made)
