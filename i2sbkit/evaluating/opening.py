"""From a model and what is wanted of it to an evaluation in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..api import Model
from ..kernel.errors import Error
from ..restoring import Settings
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
) -> Iterator[Evaluation]:
    """An evaluation, ready to run.

    Args:
        out: its folder, where it can be gone on with; None forgets everything but the results.
        part: number and count of the parts that share the work, in one folder.
        other: the folder of an evaluation to compare with.
        overwrite: begin anew in a folder that holds one.

    Raises:
        Error: anything of it is not there, does not fit, or the folder holds another evaluation.
    """
    if overwrite and out and other and out.resolve() == other.resolve():
        raise Error(f"{out}: cannot be replaced and compared with; give --out another folder")
    plan = make_plan(model, wanted, base)
    if part[1] > len(plan.cases):
        raise Error(f"{part[1]} parts of {len(plan.cases)} pictures: there cannot be more parts than pictures")
    settings, reference = settings_of(model, wanted, plan, base), reference_of(wanted, plan)
    if other is not None:
        check(other, plan.cases.keys, plan.labels[1:], plan.judge.columns, settings)
    with ExitStack() as stack:
        path = out or Path(stack.enter_context(TemporaryDirectory(prefix="i2sbkit-")))
        folder = Folder(path, settings, *part, lines=len(plan.labels))
        stack.enter_context(folder.opened(overwrite))
        yield Evaluation(plan, folder, reference, other)
