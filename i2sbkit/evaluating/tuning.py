"""Which sampler and how many evaluations are worth their time: measured, chosen, and kept in the weights' header."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ..api import Model
from ..checkpoint import Weights, save
from ..jobs.manifest import sha256_of
from ..kernel import registry
from ..kernel.errors import Error
from ..restoring import Settings, check_fit
from ..results.evaluation import ArmResult, Results
from ..results.pareto import Picks, picks
from ..verifying import tensors_sum
from .arms import has_eta
from .opening import opened
from .planning import Wanted

CONDITIONS = (
    "Damage", "Data", "Crop", "Told the damage", "Consistency", "Precision", "Tiles", "Device", "Versions"
)  # fmt: skip
"""Of an evaluation's settings, those that its efforts are kept with."""
NFES = (1, 2, 3, 5, 10)
ETAS = (0.0, 0.5)
TOLERANCE = {"psnr": 0.01, "ssim": 0.0005, "percep": 0.01}
"""By the metric's first word, a difference that is none: nobody would wait for it."""


def grid(model: Model, wanted: Wanted) -> Wanted:
    """The samplers to try, where none are named: all that fit the weights, with few and with many evaluations.

    Raises:
        Error: a sampler that is named is not there.
    """
    samplers = wanted.samplers or _fitting(model)
    nfes = wanted.nfes or tuple(nfe for nfe in NFES if nfe < len(model.weights.recipe.parts.bridge))
    etas = wanted.etas or (ETAS if any(map(has_eta, samplers)) else ())
    return replace(wanted, samplers=samplers, nfes=nfes, etas=etas)


def _fitting(model: Model) -> list[str]:
    """Their names, the weights' own first: where several give the same picture, it is taken."""
    own = str(model.weights.recipe.document["sampler"]["name"])
    found = []
    for name in sorted(registry.default().names("sampler"), key=lambda name: name != own):
        try:
            options = registry.options(registry.default().get("sampler", name))
            if "nfe" in options and check_fit(model.weights, registry.build("sampler", name, nfe=1), False) is None:
                found.append(name)
        except Error:  # a plugin's that cannot be built so, or one that does not fit
            continue
    return found


def check_target(path: Path) -> None:
    """See that weights can be written to a file, before anything is measured.

    Raises:
        Error: they cannot.
    """
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Error(f"{path}: cannot be written; --out FILE writes a copy elsewhere")


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
        """Choose by one column of an evaluation.

        Of arms with as many evaluations and the same quality the first stands for all: seconds that differ are noise.
        """
        given, *arms = results.arms
        higher = results.higher_is_better[column] is not False
        tolerance = TOLERANCE.get(column.split("_")[0], 0.0)
        points: list[tuple[float, float]] = []
        for k, arm in enumerate(arms):
            value = arm.means[column].mean
            alike = (j for j in range(k) if arms[j].arm.nfe == arm.arm.nfe and abs(points[j][1] - value) <= tolerance)
            points.append((arm.seconds or 0.0, value if next(alike, None) is None else math.nan))
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
        where = {name.lower().replace(" ", "_"): settings[name] for name in CONDITIONS}
        before = dict(weights.header.get("tuned", {})).get("sha256_before") or sha256_of(weights.path)
        sums = {"sha256_before": before, "tensors_sha256": tensors_sum(weights.tensors)}  # for `weights check`
        tuned = {"column": self.column, "pictures": results.pictures, **where, **sums}
        try:
            save(out, weights.tensors, {**weights.header, "efforts": efforts, "tuned": tuned})
        except (OSError, SafetensorError) as error:
            raise Error(f"{out}: cannot be written ({error}); --out FILE writes a copy elsewhere") from None
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
