"""From a model and what is wanted of it to an evaluation in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..api import Model
from ..distributed import World
from ..kernel.errors import Error
from ..restoring import Settings
from ..terminal import warn
from .against import check
from .evaluation import Evaluation
from .folder import Folder
from .planning import Wanted, make_plan, reference_of, settings_of


@contextmanager
def opened(
    model: Model,
    wanted: Wanted,
    base: Settings,
    *,
    out: Path | None = None,
    part: tuple[int, int] = (1, 1),
    other: Path | None = None,
    overwrite: bool = False,
    world: World = World(),  # noqa: B008 - a value
) -> Iterator[Evaluation]:
    """An evaluation, ready to run.

    Args:
        out: its folder, where it can be gone on with; None forgets everything but the results.
        part: number and count of the parts that share the work, in one folder.
        other: the folder of an evaluation to compare with.
        overwrite: begin anew in a folder that holds one.
        world: the processes that share the work, each of which makes this call; more than one have a part each.

    Raises:
        Error: anything of it is not there, does not fit, or the folder holds another evaluation.
    """
    if overwrite and out and other and out.resolve() == other.resolve():
        raise Error(f"{out}: cannot be replaced and compared with; give --out another folder")
    with world.agreed():
        plan = make_plan(model, wanted, base)
        _check_parts(part[1], len(plan.cases), world)
        settings, reference = settings_of(model, wanted, plan, base), reference_of(wanted, plan)
        if other is not None:
            check(other, plan.labels[1:], plan.judge.columns, settings)
    world.check_same(settings)
    with ExitStack() as stack:
        path = world.shared(lambda: out or Path(stack.enter_context(TemporaryDirectory(prefix="i2sbkit-"))))
        number, parts = part if world.size == 1 else (world.rank + 1, world.size)
        folder = Folder(path, settings, number, parts, lines=len(plan.labels))
        stack.enter_context(folder.joined(world, overwrite))
        yield Evaluation(plan, folder, reference, other, world)


def _check_parts(parts: int, pictures: int, world: World) -> None:
    if parts > pictures:
        raise Error(f"{parts} parts of {pictures} pictures: there cannot be more parts than pictures")
    if world.size > pictures:
        warn(f"{pictures} pictures for {world.size} processes: the others have nothing to do")
