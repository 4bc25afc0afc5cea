"""What to change where a training does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..kernel.errors import Error
from ..memory import out_of_memory
from ..plain import short
from ..recipe import Recipe
from ..sources.order import share_of

WORKER = "DataLoader worker"
"""What torch says begins so where one of its workers has ended."""


@contextmanager
def fitting(recipe: Recipe, processes: int, where: str) -> Iterator[None]:
    """Within the block memory that runs out is an Error that says which options take less.

    Args:
        where: in the training.

    Raises:
        Error: a device's memory ran out, or the machine's; or a worker was killed, as systems do that run out of it.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if WORKER in str(error):
            workers = f"--set data.workers=N takes less than the {recipe.data.workers} there are"
            raise Error(f"{short(error)} {where}; if that was for want of memory, {workers}") from error
        if not (isinstance(error, MemoryError) or out_of_memory(error)):
            raise
        raise Error(f"memory ran out {where}; {advice(recipe, processes)}") from error


def advice(recipe: Recipe, processes: int) -> str:
    """What takes less memory than a recipe as it is, in so many processes: first what changes no training."""
    options, found = recipe.train, []
    micro = min(options.microbatch or options.batch, share_of(options.batch, processes))
    if micro > 1:
        found.append(f"by --set train.microbatch={micro // 2} (now {micro}), with which a run goes on too")
    anew = ["data.size"]
    if recipe.document["backbone"].get("checkpoint_activations") is False:
        anew.insert(0, "backbone.checkpoint_activations=true")
    if options.precision == "fp32":
        anew.insert(0, "train.precision=bf16")
    found.append(f"in a new run by {', '.join(anew[:-1])}{' or ' if anew[1:] else ''}a smaller {anew[-1]}")
    if options.parallel != "fsdp":
        found.append("by several processes with train.parallel=fsdp")
    return f"less is taken {'; '.join(found)}"
