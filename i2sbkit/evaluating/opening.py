"""From a model and what is wanted of it to an evaluation in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..api import Model
from ..kernel.errors import Error
from ..restoring import Settings
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
    if other is not None and not (other / "pictures.jsonl").is_file():
        raise Error(f"{other}: no finished evaluation to compare with; give the --out of one")
    plan = make_plan(model, wanted, base)
    if part[1] > len(plan.cases):
        raise Error(f"{part[1]} parts of {len(plan.cases)} pictures: there cannot be more parts than pictures")
    with ExitStack() as stack:
        path = out or Path(stack.enter_context(TemporaryDirectory(prefix="i2sbkit-")))
        folder = Folder(path, settings_of(model, wanted, plan, base), *part, lines=len(plan.labels))
        folder.open(overwrite)
        yield Evaluation(plan, folder, reference_of(wanted, plan), other)
