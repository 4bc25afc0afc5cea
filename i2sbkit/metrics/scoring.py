"""Many columns at once: each network is loaded once, and looks once at each picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..kernel.errors import Error
from .columns import Column
from .distributions import Distribution
from .features import FeatureNetwork, Look
from .network_columns import STAND_IN, NetworkColumn, any_column
from .networks import NETWORKS, feature_network
from .perceptual import perceptual_distance


@dataclass(frozen=True)
class Prepared:
    """A clean picture and what the networks see in it.

    Attributes:
        clean: (3, H, W) in [-1, 1].
        looks: by network; batches of one.
        pooled: features (D,) by network that a set column needs, for a `Distribution` of the clean pictures.
        label: its true class, where one is known.
    """

    clean: Tensor
    looks: Mapping[str, Look]
    pooled: dict[str, Tensor]
    label: int | None = None


@dataclass(frozen=True)
class Score:
    """What was measured of one result.

    Attributes:
        values: by picture column.
        pooled: features (D,) by network that a set column needs, for a `Distribution` of the results.
    """

    values: dict[str, float]
    pooled: dict[str, Tensor]


class Scorer:
    """Measures results against clean pictures.

    Args:
        names: of columns, as `any_column` knows them.
        device: for the networks.
        files: further networks, TorchScript, each named by its stem.
        networks: further networks, as objects. One that is named as a built-in with `_standin` after it takes the place
            of that one, for tests; its columns carry the mark too.

    Attributes:
        higher_is_better: by column, set columns included, in the order of `names`.
        picture_columns: those that have a value for each picture.
        set_columns: those that have one for a set of pictures.
        networks: by name; those that the columns need.
        set_networks: those of the set columns, whose features a `Distribution` counts.

    Raises:
        Error: an unknown column, a network that is given and not used, or one whose package or weights are missing.
    """

    def __init__(
        self,
        names: Sequence[str],
        device: torch.device | str,
        files: Sequence[Path | str] = (),
        networks: Sequence[FeatureNetwork] = (),
    ) -> None:
        given = _given([Path(file) for file in files], networks)
        self._columns = [any_column(name, given) for name in dict.fromkeys(names)]
        on_networks = [one for one in self._columns if isinstance(one, NetworkColumn)]
        needed = dict.fromkeys(one.network for one in on_networks)
        unused = [name for name in given if name not in needed]
        if unused:
            raise Error(f"no column looks through the network {unused[0]}; name one, such as frechet_{unused[0]}")
        self.higher_is_better: dict[str, bool] = {one.name: one.higher_is_better for one in self._columns}
        self.set_columns: tuple[str, ...] = tuple(one.name for one in on_networks if one.of_sets)
        self.picture_columns: tuple[str, ...] = tuple(
            name for name in self.higher_is_better if name not in self.set_columns
        )
        self.networks: dict[str, FeatureNetwork] = {name: _opened(given.get(name, name), device) for name in needed}
        self._of_sets = {one.name: one for one in on_networks if one.of_sets}
        self.set_networks = {one.network: self.networks[one.network] for one in self._of_sets.values()}

    def check(self, height: int, width: int) -> None:
        """Find whether pictures of that size can be measured.

        Raises:
            Error: too small for a column, which is named.
        """
        for one in self._columns:
            least = one.least if isinstance(one, Column) else self.networks[one.network].least
            if min(height, width) < least:
                raise Error(f"{width}x{height} pixels are too few for {one.name}, which needs {least} a side")

    def prepared(self, clean: Tensor, label: int | None = None) -> Prepared:
        """Look at a clean picture (3, H, W) in [-1, 1], once for all results that are measured against it.

        Args:
            label: its true class, which `ca` needs.

        Raises:
            Error: no label where a column needs one, or a network does not give what a column needs.
        """
        looks = self._look(clean)
        for one in self._columns:
            if isinstance(one, NetworkColumn):
                one.check(looks[one.network], label)
        return Prepared(clean, looks, self._pooled(looks), label)

    def score(self, result: Tensor, prepared: Prepared) -> Score:
        """Measure one result (3, H, W) in [-1, 1], as it is: the caller rounds it as it would be stored."""
        looks = self._look(result)
        values = {}
        for one in self._columns:
            if isinstance(one, Column):
                values[one.name] = one.measure(result, prepared.clean)
            elif not one.of_sets:
                values[one.name] = self._measure(one, looks[one.network], prepared)
        return Score(values, self._pooled(looks))

    def set_values(self, results: Mapping[str, Distribution], clean: Mapping[str, Distribution]) -> dict[str, float]:
        """The set columns, from the features of all results and of all clean pictures, by network.

        Raises:
            Error: fewer than two pictures.
        """
        return {
            name: getattr(results[one.network], one.measure)(clean[one.network]) for name, one in self._of_sets.items()
        }

    def _look(self, picture: Tensor) -> dict[str, Look]:
        return {name: network.look(picture.unsqueeze(0)) for name, network in self.networks.items()}

    def _pooled(self, looks: Mapping[str, Look]) -> dict[str, Tensor]:
        found = {one.network: looks[one.network].pooled for one in self._of_sets.values()}
        return {name: pooled[0].cpu() for name, pooled in found.items() if pooled is not None}

    def _measure(self, column: NetworkColumn, look: Look, prepared: Prepared) -> float:
        clean = prepared.looks[column.network]
        if column.measure == "percep":
            return perceptual_distance(look, clean, self.networks[column.network].heads)
        assert look.classes is not None and clean.classes is not None, "checked with the clean picture"
        wanted = prepared.label if column.measure == "accuracy" else int(clean.classes)
        return float(int(look.classes) == wanted)


def _given(files: Sequence[Path], networks: Sequence[FeatureNetwork]) -> dict[str, Path | FeatureNetwork]:
    """Networks of the caller's by name.

    Raises:
        Error: a name that another has.
    """
    given: dict[str, Path | FeatureNetwork] = {}
    candidates: list[tuple[str, Path | FeatureNetwork]] = [(file.stem, file) for file in files]
    for name, one in [*candidates, *((network.name, network) for network in networks)]:
        taken = name in given or name in NETWORKS or (isinstance(one, Path) and name.endswith(STAND_IN))
        if taken:
            where = one if isinstance(one, Path) else "networks"
            raise Error(f"{where}: {name} is the name of another network; rename it")
        given[name] = one
    return given


def _opened(network: str | Path | FeatureNetwork, device: torch.device | str) -> FeatureNetwork:
    return network if isinstance(network, FeatureNetwork) else feature_network(network, device)
