"""What the paper says, and whether it came out here: sentences that follow from the numbers, whichever way.

Numbers are Frechet distances where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Mapping

from repro_numbers import Numbers, Rows, Seconds
from repro_trials import CURVES, METHODS, NFES

FEW, LONG = 10, 20
"""Evaluations that the paper calls few (Fig. 8), and those of the learning curves."""


def claims(numbers: Numbers, task: str) -> list[str]:
    """A line for each claim that there are numbers for."""
    i2sb, diffusion, ddnm = ([result.rows for result in numbers.last(task, method)] for method in METHODS)
    if not i2sb:
        return ["- not measured yet."]
    lines = [_more_evaluations(i2sb[0])]
    if diffusion:
        lines += [_realism(i2sb[0], diffusion), _few(i2sb[0], diffusion), _fidelity(i2sb[0], diffusion)]
    if ddnm:
        lines.append(_knowing(i2sb[0], ddnm))
    if seconds := numbers.in_equal_seconds(task):
        lines.append(_equal_seconds(i2sb[0], ddnm, seconds))
    return [*lines, *_seeing(numbers, task), *_converged(numbers, task)]


def _realism(i2sb: Rows, diffusion: list[Rows]) -> str:
    """Tables 2 and 3: a lower distance than conditional diffusion's."""
    theirs = {nfe: least(diffusion, nfe) for nfe in NFES}
    return f"- More realistic than conditional diffusion, the better of DDPM and DDIM: {_verdict(i2sb, theirs)}."


def _fidelity(i2sb: Rows, diffusion: list[Rows]) -> str:
    """PSNR, which the paper does not report."""
    gains = {nfe: i2sb[nfe].psnr_rgb - max(rows[nfe].psnr_rgb for rows in diffusion) for nfe in NFES}
    pairs = ", ".join(f"{gain:+.2f} dB (nfe {nfe})" for nfe, gain in gains.items())
    return f"- PSNR, which the paper does not give: I²SB less the better diffusion {pairs}."


def _few(i2sb: Rows, diffusion: list[Rows]) -> str:
    """Fig. 8: what I2SB reaches with 2 to 10 evaluations takes diffusion 100 and more."""
    ours = min(i2sb[nfe].frechet_efflite0 for nfe in NFES if nfe <= FEW)
    theirs = min(least(diffusion, nfe) for nfe in NFES)
    said = "**holds**" if ours < theirs else "**does not hold**"
    return (
        f"- With at most {FEW} evaluations better than diffusion with up to {NFES[-1]} (Fig. 8): {said}, "
        f"{ours:.2f} against {theirs:.2f}."
    )


def _more_evaluations(i2sb: Rows) -> str:
    """Fig. 8 and Table 8: more evaluations, more realism."""
    first, last = i2sb[NFES[0]], i2sb[NFES[-1]]
    said = "**holds**" if last.frechet_efflite0 < first.frechet_efflite0 else "**does not hold**"
    best = min(NFES, key=lambda nfe: i2sb[nfe].frechet_efflite0)
    return (
        f"- More evaluations make I²SB more realistic: {said}, {first.frechet_efflite0:.2f} at nfe {first.nfe}, "
        f"{last.frechet_efflite0:.2f} at nfe {last.nfe}, best at nfe {best}; "
        f"PSNR {last.psnr_rgb - first.psnr_rgb:+.2f} dB."
    )


def _knowing(i2sb: Rows, ddnm: list[Rows]) -> str:
    """Tables 2 and 3: better than inverse methods that know the operator, at equal nfe."""
    theirs = {nfe: least(ddnm, nfe) for nfe in NFES}
    return f"- More realistic than DDNM, which is told the damage, at equal nfe: {_verdict(i2sb, theirs)}."


def _equal_seconds(i2sb: Rows, ddnm: list[Rows], seconds: Seconds) -> str:
    theirs = {nfe: least(ddnm, seconds.fitting(nfe)) for nfe in NFES}
    return f"- And in equal seconds: {_verdict(i2sb, theirs)}."


def _seeing(numbers: Numbers, task: str) -> list[str]:
    """What it is worth that the network sees the damaged picture beside x_n, as that of conditional diffusion does."""
    ways = [
        {each.step: each.rows[LONG] for each in numbers.milestones(task, method, CURVES[method])}
        for method in ("i2sb-x1", "i2sb", "diffusion")
    ]
    if not (steps := set.intersection(*map(set, ways))):
        return []
    seeing, blind, diffusion = (
        f"{rows[max(steps)].frechet_efflite0:.2f} and {rows[max(steps)].psnr_rgb:.2f} dB" for rows in ways
    )
    return [
        f"- I²SB whose network sees the damaged tile too, after {max(steps):,} steps at nfe {LONG}: {seeing}, against "
        f"{blind} where it sees x_n alone, and {diffusion} of diffusion by DDIM."
    ]


def _converged(numbers: Numbers, task: str) -> list[str]:
    """How much the last quarter of the training still changed."""
    lines = []
    for method, samplers in METHODS.items():
        known = numbers.milestones(task, method, samplers[-1])
        if len(known) < 2:
            continue
        before, after = (result.rows[LONG] for result in known[-2:])
        change = 100 * (after.frechet_efflite0 / before.frechet_efflite0 - 1)
        lines.append(
            f"- From step {known[-2].step:,} to {known[-1].step:,} {method} still changed by {change:+.0f} % in "
            f"Fréchet distance and {after.psnr_rgb - before.psnr_rgb:+.2f} dB (nfe {LONG})."
        )
    return lines


def least(ways: list[Rows], nfe: int) -> float:
    """The least distance of some ways."""
    return min(rows[nfe].frechet_efflite0 for rows in ways)


def _verdict(i2sb: Rows, theirs: Mapping[int, float]) -> str:
    """Where I2SB's distance is the lower one, and both."""
    ours = {nfe: i2sb[nfe].frechet_efflite0 for nfe in NFES}
    better = [nfe for nfe in NFES if ours[nfe] < theirs[nfe]]
    if len(better) == len(NFES):
        said = "**holds** at every nfe"
    elif better:
        said = f"**holds at {len(better)} of {len(NFES)}** (nfe {', '.join(map(str, better))})"
    else:
        said = "**does not hold** at any nfe"
    return f"{said}; " + ", ".join(f"{ours[nfe]:.2f} against {theirs[nfe]:.2f} (nfe {nfe})" for nfe in NFES)
