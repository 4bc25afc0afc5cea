"""All peers of a task on a damage: rows of the table, and the crops that the picture shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Picture, damaged, untouched
from .measuring import Measure
from .peer import Peer
from .rows import UNTOUCHED, Row, ranked
from .running import run
from .strips import Strip, apart


@dataclass(frozen=True)
class Compared:
    """One damage.

    Attributes:
        rows: the picture as it came, then the peers.
        results: by the rows' names, (H, W, 3) uint8 in the order of the pictures.
    """

    rows: list[Row]
    results: Mapping[str, Sequence[np.ndarray]]


def compare(
    peers: Mapping[Peer, str],
    pictures: Sequence[Picture],
    task: str,
    damage: str,
    kept: Path,
    measure: Measure,
    told: Callable[[str], Any],
) -> Compared:
    """Run peers on a damage and measure what they make.

    Args:
        peers: with their versions.
        kept, told: as for `run`.
    """
    results = {UNTOUCHED: [untouched(damaged(picture, task, damage)) for picture in pictures]}
    rows = [Row(UNTOUCHED, _values(results[UNTOUCHED], pictures, measure))]
    for peer, versions in peers.items():
        done = run(peer, versions, pictures, damage, kept, told)
        results[peer.name] = done.results
        values = _values(done.results, pictures, measure)
        named = versions.rpartition(", ")[2]
        rows.append(Row(peer.name, values, done.typical, named, peer.told, peer.ours))
    return Compared(rows, results)


def _values(
    results: Sequence[np.ndarray], pictures: Sequence[Picture], measure: Measure
) -> Mapping[str, Sequence[float]]:
    each = [measure(result, picture.clean) for result, picture in zip(results, pictures, strict=True)]
    return {metric: [values[metric] for values in each] for metric in each[0]}


def strips_of(compared: Compared, pictures: Sequence[Picture]) -> list[Strip]:
    """The crop on which the best peer is furthest ahead of ours, the middle one, and the one on which ours is.

    Where we have no weights, the best peer is held against the picture as it is.
    """
    best = ranked([row for row in compared.rows if not row.ours and row.seconds is not None])[:2]
    ours = ranked([row for row in compared.rows if row.ours])
    own = ours[0] if ours else compared.rows[0]
    lead = np.subtract(best[0].values["psnr"], own.values["psnr"])
    order = np.argsort(lead)
    chosen = dict.fromkeys(int(order[place]) for place in (-1, len(order) // 2, 0))
    shown = [compared.rows[0], *ours, *best]
    return [_strip(compared, shown, pictures[number], number, (best[0], own)) for number in chosen]


def _strip(compared: Compared, shown: Sequence[Row], picture: Picture, number: int, pair: tuple[Row, Row]) -> Strip:
    """The columns of a crop, with the detail in which two of the rows differ most; the title says how they stand."""
    first, second = pair
    lead = first.values["psnr"][number] - second.values["psnr"][number]
    stand = f"{first.name} is {abs(lead):.2f} dB {'better' if lead > 0 else 'worse'} than {second.name}"
    name = picture.name.partition("__")[2] or picture.name
    columns = [
        (f"{row.name}, {row.values['psnr'][number]:.2f} dB", compared.results[row.name][number]) for row in shown
    ]
    window = apart(*(compared.results[row.name][number] for row in pair))
    return Strip(f"{name}: {stand}", [*columns, ("clean", picture.clean)], window)
