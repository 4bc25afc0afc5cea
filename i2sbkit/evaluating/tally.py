"""All sums of an evaluation: what is left of the pictures when they are gone, to be stored, merged and read off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..metrics import Distribution, Scorer
from ..results.evaluation import Arm, ArmResult
from .judging import Judged
from .means import Means

SECONDS = "seconds"


class Tally:
    """Sums over pictures, for each arm.

    Args:
        arms: labels.
        columns: that a picture may have a value of.
        networks: names of those whose features are counted, for sets of pictures.

    Attributes:
        pictures: how many there were.
        enlarged: how many of them are smaller than what is cut from them.
    """

    def __init__(self, arms: Sequence[str], columns: Sequence[str], networks: Sequence[str]) -> None:
        self.pictures = self.enlarged = 0
        self._made_of = (arms, columns, networks)
        self._columns = [SECONDS, *columns]
        self._means = {arm: Means(self._columns) for arm in arms}
        self._clean = {network: Distribution() for network in networks}
        self._results = {arm: {network: Distribution() for network in networks} for arm in arms}

    def empty(self) -> Tally:
        """Sums of the same kind, of nothing yet."""
        return Tally(*self._made_of)

    def add_clean(self, key: str, pooled: Mapping[str, Tensor], enlarged: bool = False) -> None:
        """Count a picture in; before its arms."""
        self.pictures += 1
        self.enlarged += enlarged
        count_in(self._clean, key, pooled)

    def add(self, key: str, arm: str, judged: Judged, seconds: float | None) -> None:
        """Count in what an arm made of it, and the seconds that took."""
        timed = {} if seconds is None else {SECONDS: seconds}
        self._means[arm].add(key, {**judged.values, **timed})
        count_in(self._results[arm], key, judged.pooled)  # the clean one's key: kernel distances leave the pair out

    def merge(self, other: Tally) -> None:
        """Count in another part of the same evaluation."""
        self.pictures += other.pictures
        self.enlarged += other.enlarged
        for network, distribution in self._clean.items():
            distribution.merge(other._clean[network])
        for arm, means in self._means.items():
            means.merge(other._means[arm])
            for network, distribution in self._results[arm].items():
                distribution.merge(other._results[arm][network])

    def results(
        self, arms: Sequence[Arm], scorer: Scorer, reference: Mapping[str, Distribution] | None
    ) -> list[ArmResult]:
        """The rows of the table.

        Args:
            reference: the features that sets are measured against; None takes those of the clean pictures.
        """
        rows = []
        for arm in arms:
            means = self._means[arm.label].intervals()
            seconds = means.pop(SECONDS, None)
            sets = scorer.set_values(self._results[arm.label], reference or self._clean) if scorer.set_columns else {}
            rows.append(ArmResult(arm, seconds.mean if seconds else None, means, sets))
        return rows

    def partial(self) -> dict[str, int]:
        """Columns that not all pictures have a value of where an arm has any, and of how many at least."""
        found: dict[str, int] = {}
        for means in self._means.values():
            for column, count in means.counts().items():
                if 0 < count < self.pictures:
                    found[column] = min(count, found.get(column, count))
        return found

    def tensors(self) -> dict[str, Tensor]:
        """All of it, by names that `load` knows."""
        found: dict[str, Tensor] = {}
        for name, part in self._parts().items():
            found |= {f"{name}/{key}": tensor for key, tensor in part.tensors().items()}
        return found

    def load(self, pictures: int, enlarged: int, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave after so many pictures."""
        self.pictures, self.enlarged = pictures, enlarged
        for name in self._parts():
            own = {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}
            self._set(name, own)

    def _parts(self) -> dict[str, Any]:
        """Everything that is summed, by a name: `clean/NETWORK`, `ARM NUMBER/means`, `ARM NUMBER/NETWORK`."""
        parts: dict[str, Any] = {f"clean/{network}": each for network, each in self._clean.items()}
        for number, arm in enumerate(self._means):
            parts[f"{number}/means"] = self._means[arm]
            parts |= {f"{number}/{network}": each for network, each in self._results[arm].items()}
        return parts

    def _set(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        group, _, what = name.partition("/")
        if group == "clean":
            self._clean[what] = Distribution.from_tensors(tensors)
            return
        arm = list(self._means)[int(group)]
        if what == "means":
            self._means[arm] = Means.from_tensors(self._columns, tensors)
        else:
            self._results[arm][what] = Distribution.from_tensors(tensors)


def count_in(distributions: Mapping[str, Distribution], key: str, pooled: Mapping[str, Tensor]) -> None:
    """Add a picture's features, by network, to the distributions of the networks."""
    for network, features in pooled.items():
        distributions[network].add([key], features[None])
