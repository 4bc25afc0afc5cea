"""A folder of results measured against a folder of references, file by file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..comparing import matched, read_both, read_measurable
from ..kernel.errors import Error
from ..metrics import Distribution, Prepared, Scorer
from ..printable import one_line
from ..results.evaluation import Against, Interval
from .means import Differences, Means, difference
from .tally import count_in


@dataclass(frozen=True)
class Compared:
    """What was found.

    Attributes:
        rows: each picture's name and numbers; the PSNR of equal pictures is inf.
        means: of the columns that each picture has a value of.
        sets: columns that only a set of pictures has a value of.
        against: how the results differ from those of another folder, these minus those.
    """

    rows: list[tuple[str, dict[str, float]]]
    means: Mapping[str, Interval]
    sets: Mapping[str, float]
    against: Mapping[str, Against]


def compare(results: Path, references: Path, scorer: Scorer, other: Path | None = None) -> Compared:
    """Each result against the reference of the same relative path and stem.

    Args:
        other: another folder of results, for a paired comparison.

    Raises:
        Error: a result without a reference or a partner, files that differ in size, or are too small for a column.
    """
    pairs = matched(results, references)
    partners = {name: partner for name, _, partner in matched(results, other)} if other else {}
    means, differences = Means(scorer.picture_columns), Differences(scorer.picture_columns)
    found, clean = _empty(scorer), _empty(scorer)
    rows = []
    for name, result, reference in pairs:
        a, b = read_measurable(result, reference, scorer)
        prepared = scorer.prepared(b)
        score = scorer.score(a, prepared)
        rows.append((name, score.values))
        means.add(name, score.values)
        count_in(found, name, score.pooled)
        count_in(clean, name, prepared.pooled)
        if other:
            differences.add(name, _difference(score.values, partners[name], prepared, scorer))
    sets = scorer.set_values(found, clean) if scorer.set_columns else {}
    return Compared(rows, means.intervals(), sets, differences.against())


def _difference(values: Mapping[str, float], partner: Path, prepared: Prepared, scorer: Scorer) -> dict[str, float]:
    image, _ = read_both(partner, partner)
    if image.shape != prepared.clean.shape:
        raise Error(f"{one_line(partner)}: differs in size from what it is compared with")
    theirs = scorer.score(image, prepared).values
    return {column: difference(values[column], theirs[column]) for column in values}


def _empty(scorer: Scorer) -> dict[str, Distribution]:
    return {network: Distribution() for network in scorer.set_networks}
