"""An evaluation from beginning to end."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..distributed import World
from ..files import write_text
from ..kernel.errors import Error
from ..metrics import Distribution
from ..report.evaluation import Example, evaluation_page
from ..results.evaluation import Arm, ArmResult, Results
from ..results.texts import markdown
from . import rows
from .against import against, unlike
from .arms import Way
from .folder import Folder
from .means import Differences
from .measuring import EvaluationPlan
from .reference import Reference
from .results_json import as_json
from .tally import Tally
from .together import measure_together

FEW = 2000
"""Sets of fewer pictures have distances that a reader should not trust far."""
SURE = 20
"""Of fewer pictures a bootstrap's intervals are too narrow: of 5 normal values they hold the mean in 85 % of cases."""


@dataclass(frozen=True)
class Evaluation:
    """What is measured, where it is kept, and what it is held against.

    Attributes:
        reference: clean pictures for the columns of sets; None takes those that are evaluated.
        other: the folder of an evaluation to compare with.
        world: the processes that share it, each with a part.
    """

    plan: EvaluationPlan
    folder: Folder
    reference: Reference | None = None
    other: Path | None = None
    world: World = World()  # noqa: RUF009 - a value

    def run(self) -> Results | None:
        """Measure, and put everything together; None while other parts are not done, and where another process tells.

        Raises:
            Stopped, Error: see `measure_together`.
        """
        tally = measure_together(self.plan, self.folder, self.world)
        with self.world.agreed():
            return self._put_together(tally) if self.world.first else None

    def _put_together(self, tally: Tally) -> Results | None:
        if self.folder.missing():
            return None
        results = self._results(self.folder.whole(tally))
        rows.write_both(self.folder.path, self.folder.all_rows(), self.plan.judge.columns)
        write_text(self.folder.path / "results.json", json.dumps(as_json(results), indent=2) + "\n")
        write_text(self.folder.path / "results.md", markdown(results))
        return results

    def _results(self, tally: Tally) -> Results:
        judge = self.plan.judge
        if not tally.pictures:
            raise Error(f"none of {len(self.plan.cases)} pictures can be decoded; `i2sbkit shards check` says why")
        arms = [way.arm for way in self.plan.ways]
        found = tally.results([Arm(), *arms], judge.scorer, self._reference())
        compared: dict[str, Differences] = {}
        if self.other:
            compared = against(self.folder.all_rows(), self.other, [arm.label for arm in arms], judge.columns)
            found = [
                replace(row, against=compared[row.arm.label].against()) if row.arm.label in compared else row
                for row in found
            ]
        present = {name for row in found for name in (*row.means, *row.sets)}
        return Results(
            tally.pictures,
            {name: better for name, better in judge.higher_is_better.items() if name in present},
            tuple(found),
            tuple(self.folder.settings.items()),
            str(self.other) if self.other else None,
            (*self._notes(tally), *self._notes_of_comparison(compared)),
        )

    def _reference(self) -> Mapping[str, Distribution] | None:
        if not self.reference:
            return None
        networks = self.plan.judge.scorer.set_networks
        return self.reference.distributions(networks, self.plan.ways[0].restorer.device)

    def _notes(self, tally: Tally) -> list[str]:
        pictures, all_pictures = tally.pictures, len(self.plan.cases)
        notes = ["Results are clamped and rounded to 8 bits, as files hold them, before they are measured."]
        if pictures < all_pictures:
            notes.append(f"{all_pictures - pictures} of {all_pictures} pictures are damaged and left out.")
        if tally.enlarged:
            size = f"{self.plan.cases.size} pixels a side"
            notes.append(f"{tally.enlarged} of {pictures} pictures are smaller than {size}, and were enlarged first.")
        if pictures == 1:
            notes.append("One picture says nothing of others: there are no intervals.")
        elif pictures < SURE:
            notes.append(f"Intervals of {pictures} pictures are narrower than 95 % ones; take {SURE} or more.")
        notes += [f"{name}: only {n} of {pictures} pictures have a value." for name, n in tally.partial().items()]
        if self.plan.judge.scorer.set_columns and pictures < FEW:
            sets = ", ".join(self.plan.judge.scorer.set_columns)
            notes.append(
                f"{sets}: of {pictures} pictures; distances between sets depend on their number, and below some "
                "thousands they only compare rows of one table."
            )
        return notes

    def _notes_of_comparison(self, compared: Mapping[str, Differences]) -> list[str]:
        if not self.other:
            return []
        left_out = {
            f"{name}, {arm}: {n} pictures are left out of the difference, which is infinite."
            for arm, each in compared.items()
            for name, n in each.left_out.items()
            if n
        }
        return [*unlike(self.other, self.folder.settings), *sorted(left_out)]

    def write_page(self, results: Results, path: Path, marks: Mapping[str, str] | None = None) -> None:
        """The report: tables, plots, and pictures of the arm that is best in the first column that pictures have.

        Args:
            marks: what arms were picked as, by their label.
        """
        column = next((name for name in self.plan.judge.columns if name in results.arms[-1].means), None)
        if column is None:  # of sets alone no picture is the worst
            page = evaluation_page(results, [], next(iter(results.higher_is_better)), marks)
        else:
            best = best_arm(results, column)
            way = next(way for way in self.plan.ways if way.arm.label == best.arm.label)
            page = evaluation_page(results, self._examples(way, column), column, marks)
        write_text(path, page)

    def _examples(self, way: Way, column: str) -> list[Example]:
        higher = self.plan.judge.higher_is_better[column]
        values = [
            (math.inf if each[column] is None else each[column], each["number"])
            for each in rows.merged(self.folder.all_rows())
            if each["arm"] == way.arm.label and column in each
        ]
        values.sort(reverse=not higher)
        places = {0: "worst", len(values) // 2: "median", len(values) - 1: "best"}  # each picture once
        return [self._example(rank, *values[place], way) for place, rank in places.items()]

    def _example(self, rank: str, value: float, number: int, way: Way) -> Example:
        plan = self.plan
        (case,) = plan.cases.only([number])
        after = way.restorer.pictures([plan.observed(case)])[0]
        return Example(rank, case.key, value, plan.judge.shown(case), after, case.clean)  # type: ignore[arg-type]


def best_arm(results: Results, column: str) -> ArmResult:
    """The arm, of those that restore, with the best mean of a column.

    Raises:
        Error: there is no such column of pictures.
    """
    arms = [row for row in results.arms if row.arm.sampler and column in row.means]
    if not arms:
        raise Error(f"no column {column!r} of single pictures; there are {', '.join(results.higher_is_better)}")
    sign = 1 if results.higher_is_better[column] else -1
    return max(arms, key=lambda row: sign * row.means[column].mean)
