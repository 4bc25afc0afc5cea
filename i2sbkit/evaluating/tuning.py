"""Which sampler and how many evaluations are worth their time: measured, chosen, and kept in the weights' header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..api import Model
from ..checkpoint import Weights, save
from ..kernel import registry
from ..kernel.errors import Error
from ..kernel.interfaces import Sampler
from ..manifest import sha256_of
from ..pareto import Picks, picks
from ..restoring import Settings, check_fit
from ..results import ArmResult, Results
from ..verifying import tensors_sum
from .opening import opened
from .planning import Wanted

NFES = (1, 2, 3, 5, 10)
ETAS = (0.0, 0.5)
TOLERANCE = {"psnr": 0.01, "ssim": 0.0005, "percep": 0.01}
"""By the metric's first word, a difference that is none: nobody would wait for it."""


def grid(model: Model, wanted: Wanted) -> Wanted:
    """The samplers to try, where none are named: all that fit the weights, with few and with many evaluations."""
    samplers = wanted.samplers or _fitting(model)
    nfes = wanted.nfes or NFES
    etas = wanted.etas or ETAS
    return replace(wanted, samplers=samplers, nfes=nfes, etas=etas)


def _fitting(model: Model) -> list[str]:
    """Their names, the weights' own first: where several give the same picture, it is taken."""
    own = str(model.weights.recipe.document["sampler"]["name"])
    found = []
    for name in sorted(registry.default().names("sampler"), key=lambda name: name != own):
        options = registry.options(registry.default().get("sampler", name))
        if "nfe" in options and _fits(model, registry.build("sampler", name, nfe=1)):
            found.append(name)
    return found


def _fits(model: Model, sampler: Sampler) -> bool:
    try:
        return check_fit(model.weights, sampler, force=False) is None
    except Error:
        return False


@dataclass(frozen=True)
class Tuned:
    """What was found.

    Attributes:
        arms: those measured, in the results' order.
        picks: None where no arm is better than the input.
    """

    column: str
    arms: Sequence[ArmResult]
    picks: Picks | None

    @classmethod
    def of(cls, results: Results, column: str) -> Tuned:
        """Choose by one column of an evaluation."""
        given, *arms = results.arms
        higher = results.higher_is_better[column] is not False
        points = [(arm.seconds or 0.0, arm.means[column].mean) for arm in arms]
        tolerance = TOLERANCE.get(column.split("_")[0], 0.0)
        return cls(column, arms, picks(points, given.means[column].mean, higher, tolerance))

    @property
    def marks(self) -> dict[str, str]:
        """What arms were picked as, such as "fast", by their label."""
        names = self.picks.names if self.picks else {}
        return {self.arms[k].arm.label: name for k, name in names.items()}

    def efforts(self) -> dict[str, dict[str, Any]]:
        """For the weights' header: "fast", "balanced" and "best", each a sampler and what was measured of it."""
        if self.picks is None:
            return {}
        chosen = {"fast": self.picks.fast, "balanced": self.picks.balanced, "best": self.picks.best}
        return {name: self._effort(self.arms[k]) for name, k in chosen.items()}

    def keep(self, weights: Weights, results: Results, out: Path) -> Path:
        """Write the weights to `out`, which may be their own file, with the efforts in their header.

        Raises:
            Error: nothing was found worth keeping, or `out` cannot be written.
        """
        efforts = self.efforts()
        if not efforts:
            raise Error(f"{weights.path.name}: no sampler made the pictures better in {self.column}; nothing is kept")
        settings = dict(results.settings)
        where = {name.lower(): settings[name] for name in ("Damage", "Data", "Crop", "Device", "Versions")}
        before = dict(weights.header.get("tuned", {})).get("sha256_before") or sha256_of(weights.path)
        sums = {"sha256_before": before, "tensors_sha256": tensors_sum(weights.tensors)}  # for `weights check`
        tuned = {"column": self.column, "pictures": results.pictures, **where, **sums}
        try:
            save(out, weights.tensors, {**weights.header, "efforts": efforts, "tuned": tuned})
        except OSError as error:
            raise Error(f"{out}: cannot be written ({error.strerror}); --out FILE writes a copy elsewhere") from None
        return out

    def _effort(self, row: ArmResult) -> dict[str, Any]:
        measured = {"seconds": round(row.seconds or 0.0, 4), self.column: round(row.means[self.column].mean, 4)}
        return {"sampler": {"name": row.arm.sampler, **row.arm.options}, **measured}


def tuned_on(
    model: Model, wanted: Wanted, base: Settings, column: str, page: Path | None = None
) -> tuple[Results, Tuned]:
    """Measure the arms of a grid, and choose by a column.

    Args:
        wanted: which samplers, nfe and eta; what is left open is chosen by `grid`.
        page: where a report with the picks goes.

    Raises:
        Error: as for an evaluation; or the column is one of sets.
    """
    with opened(model, grid(model, wanted), base) as evaluation:
        if column not in evaluation.plan.judge.scorer.picture_columns:
            raise Error(f"--metric {column}: only whole sets have it; choose by a column that each picture has")
        results = evaluation.run()
        assert results is not None, "an evaluation of one part is whole"
        tuned = Tuned.of(results, column)
        if page:
            evaluation.write_page(results, page, tuned.marks)
    return results, tuned
