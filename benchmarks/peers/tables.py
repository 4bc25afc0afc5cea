"""The comparison as Markdown: a table a damage, and sentences that follow from its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from .measuring import LABELS
from .rows import UNTOUCHED, Row, like, ranked, rival

ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}
CLOSE = 0.005
"""Decibels that the table does not show."""


def table(rows: Sequence[Row]) -> list[str]:
    """The lines of a table, the best PSNR first."""
    metrics = list(rows[0].values)
    heads = ["method", "is told", *(LABELS[metric] for metric in metrics), "seconds", "against ours"]
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for row in ranked(rows):
        digits = {"psnr": 2, "ssim": 4}
        cells = [row.label, row.told]
        cells += [f"{row.mean(metric):.{digits.get(metric, 3)}f}" for metric in metrics]
        cells += ["" if row.seconds is None else f"{row.seconds:.3f}", against(row, rival(rows, row))]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def against(row: Row, ours: Row | None) -> str:
    """The last cell: a loss of ours in bold, with the number of pictures that it is lost on."""
    if ours is None or row.ours:
        return ""
    gap = row.mean() - ours.mean()
    better = sum(a > b for a, b in zip(row.values["psnr"], ours.values["psnr"], strict=True))
    on = f"better on {better} of {len(row.values['psnr'])}"
    if abs(gap) < CLOSE:
        return f"equal; {on}"
    return f"**we lose {gap:.2f} dB**; {on}" if gap > 0 else f"{-gap:.2f} dB worse; {on}"


def sentences(rows: Sequence[Row]) -> str:
    """How ours stand, a sentence each."""
    ours = [row for row in rows if row.ours]
    return " ".join(standing(rows, row) for row in ours) if ours else lacking(rows)


def lacking(rows: Sequence[Row]) -> str:
    """The sentence where we have no weights."""
    best, plain = ranked(rows)[0], next(row for row in rows if row.name == UNTOUCHED)
    return (
        f"No bundled weights yet. The best here, {best.name}, is {best.mean() - plain.mean():.2f} dB above the picture "
        "as it is."
    )


def standing(rows: Sequence[Row], row: Row) -> str:
    """The sentence on one of ours: its rank among those that are told as much, and the one to beat."""
    field = like(rows, row)
    rank = field.index(row) + 1
    differ = len({each.told for each in rows if each.seconds is not None}) > 1
    told = f" that are told {row.told or 'nothing'}" if differ else ""
    text = f"`{row.name}` is {ORDINALS.get(rank, f'{rank}th')} of {len(field)}{told}"
    if rank > 1:
        first = field[0]
        text += f"; **{first.name} is {first.mean() - row.mean():.2f} dB better** at {times(first, row)} the time"
    elif len(field) > 1:
        second = field[1]
        text += (
            f"; the next, {second.name}, is {row.mean() - second.mean():.2f} dB worse at {times(second, row)} the time"
        )
    plain = next((each for each in rows if each.name == UNTOUCHED), None)
    if plain is not None and plain.mean() > row.mean() + CLOSE:
        text += f"; **leaving the picture as it is would be {plain.mean() - row.mean():.2f} dB better**"
    return text + "."


def times(row: Row, ours: Row) -> str:
    """How many times the seconds of ours, to two digits."""
    assert row.seconds is not None and ours.seconds
    return f"{float(f'{row.seconds / ours.seconds:.2g}'):g}x"
