"""Measuring in several processes: each does a part, and none goes on alone where another has failed or was stopped."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..distributed import World
from ..stopping import Stopped
from .calling_off import call_off, called_off
from .folder import Folder
from .measuring import EvaluationPlan, measure
from .tally import Tally


def measure_together(plan: EvaluationPlan, folder: Folder, world: World) -> Tally:
    """This process's part of what is planned, once all have done theirs.

    Raises:
        Stopped: a signal came, to any of them; what was done is kept.
        Error: a photograph of one of them cannot be read, or is too small.
    """
    part = replace(plan, cases=plan.cases.part(folder.part, folder.parts))
    with world.agreed():
        try:
            tally, signum = measure(part, folder, partial(called_off, world))
        except BaseException:
            call_off(world)
            raise
        if signum is not None:
            call_off(world)
    done = sum(world.gathered(tally.pictures))
    if signum := world.largest(signum or 0):
        raise Stopped(f"stopped after {done} of {len(plan.cases if world.size > 1 else part.cases)} pictures", signum)
    return tally
