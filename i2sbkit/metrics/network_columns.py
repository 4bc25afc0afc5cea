"""Columns that need a network, by name: what is measured, and on which network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..kernel.errors import Error
from ..kernel.plugins import did_you_mean
from .columns import MEASURES, Column, column, unknown_column
from .features import Look
from .networks import NETWORKS

OF_PICTURES = {"percep": False, "agreement": True, "accuracy": True}
"""What a network measures of one picture, and whether more is better."""
OF_SETS = {"frechet": False, "kernel": False}
"""What is measured of a set of pictures, and whether more is better."""
PUBLISHED = {
    "fid": ("frechet", "inception"),
    "kid": ("kernel", "inception"),
    "lpips": ("percep", "lpips_alexnet"),
    "lpips_vgg": ("percep", "lpips_vgg16"),
    "ca": ("accuracy", "resnet50"),
}
"""Names that the field has for a measure on one particular network; on no other network is it called so."""
STAND_IN = "_standin"
"""Ends the name of a network that takes another's place in a test, and of its columns."""


@dataclass(frozen=True)
class NetworkColumn:
    """A column and where its numbers come from."""

    name: str
    measure: str
    network: str

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""
        return (OF_PICTURES | OF_SETS)[self.measure]

    @property
    def of_sets(self) -> bool:
        """Whether only a set of pictures has a value."""
        return self.measure in OF_SETS

    def check(self, look: Look, label: int | None) -> None:
        """Find whether what a network gives of a clean picture, and what is known of it, is enough.

        Raises:
            Error: it is not.
        """
        if self.measure == "accuracy" and label is None:
            raise Error(f"column {self.name}: the pictures carry no class labels; agreement_{self.network} needs none")
        wanted = {"percep": "maps", "agreement": "classes", "accuracy": "classes"}.get(self.measure, "pooled")
        given = getattr(look, wanted)
        if given is None or not len(given):
            raise Error(f"column {self.name}: the network {self.network} gives no {wanted}")


def any_column(name: str, further: Iterable[str] = ()) -> Column | NetworkColumn:
    """The column of that name: as `column` has it, one of `PUBLISHED`, or a measure, `_` and a network.

    Args:
        further: names of networks besides the built-in ones; a stand-in takes its original's place.

    Raises:
        Error: no such column or network.
    """
    measure, network = PUBLISHED.get(name) or name.partition("_")[::2]
    if name.partition("_crop")[0] in MEASURES:
        return column(name)
    if measure not in (OF_PICTURES | OF_SETS) or not network:
        on_default = (f"{one}_efflite0" for one in (*OF_PICTURES, *OF_SETS))
        raise Error(unknown_column(name, [*MEASURES, *on_default, *PUBLISHED]))
    for published, meant in PUBLISHED.items():
        if meant == (measure, network) and name != published:
            raise Error(f"column {name!r}: its name is {published}")
    further = tuple(further)
    if network + STAND_IN in further:
        return NetworkColumn(name + STAND_IN, measure, network + STAND_IN)
    if network not in NETWORKS and network not in further:
        known = [*NETWORKS, *further]
        raise Error(f"column {name!r}: no network {network!r}" + (did_you_mean(network, known) or _there_are(known)))
    return NetworkColumn(name, measure, network)


def _there_are(known: Iterable[str]) -> str:
    return f"; there are {', '.join(known)}, and any that a TorchScript file brings"
