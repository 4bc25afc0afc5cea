"""What the tests of evaluations share: results of two samplers, and three pictures."""

import math
from dataclasses import replace

import torch
from pictures import photo
from report_pages import HOSTILE

from i2sbkit import from_pil
from i2sbkit.report.evaluation import Example
from i2sbkit.results.evaluation import Against, Arm, ArmResult, Interval, Results

BAD = HOSTILE + " | *a* _b_ `c` ~~d~~ [e](f) \\"
"""Text that Markdown takes for more, too."""
COLUMNS = {"psnr_rgb": True, "ssim_rgb": True, "lpips": False, "spread": None, "fid": False}
INPUT = ArmResult(
    Arm(),
    None,
    {"psnr_rgb": Interval(25.1, 24.5, 25.8), "ssim_rgb": Interval(0.73, 0.71, 0.75), "lpips": Interval(0.4, 0.3, 0.5)},
    {"fid": 88.31},
)


def around(mean: float, width: float) -> Interval:
    return Interval(mean, mean - width, mean + width)


def arm(sampler: str, nfe: int, **options) -> ArmResult:
    """The better the lpips and fid the more evaluations there were, the worse the others; dbim is the better one."""
    ahead = 0.2 * (sampler == "dbim")
    means = {
        "psnr_rgb": around(28 - math.log10(nfe) + ahead, 0.5),
        "ssim_rgb": around(0.84 - 0.01 * math.log10(nfe), 0.02),
        "lpips": around(0.3 - 0.1 * math.log10(nfe) - 0.1 * ahead, 0.02),
        "spread": around(3.14159, 0.5),
    }
    against = {"psnr_rgb": Against(around(0.12, 0.05), 0.0004), "lpips": Against(around(-0.002, 0.003), 0.25)}
    sets = {"fid": 60 / nfe - 10 * ahead + 20}
    return ArmResult(Arm(sampler, {"nfe": nfe, **options}), 0.03 * nfe, means, sets, against)


def results(**changes) -> Results:
    """Of 50 pictures, restored by two samplers with 1, 10 and 100 evaluations."""
    arms = [arm("sde", n) for n in (1, 10, 100)] + [arm("dbim", n, eta=0.5) for n in (1, 10, 100)]
    found = Results(
        50,
        COLUMNS,
        (INPUT, *arms),
        (("Weights", "jpeg10"), ("Data", "val, 50 of 50"), ("Seed", "0")),
        "old",
        ("Few pictures.",),
    )
    return replace(found, **changes)


def without_comparison(found: Results) -> Results:
    """The same without another run."""
    return replace(found, compared_with=None, arms=tuple(replace(each, against={}) for each in found.arms))


def hostile() -> Results:
    """Every text that comes from outside is markup, a template and several lines."""
    bad = Arm(BAD, {"nfe": 2, "kind": BAD})
    arms = (INPUT, arm("sde", 1), replace(arm("sde", 2), arm=bad))
    columns = {**COLUMNS, f"percep_{BAD}": True}
    arms = tuple(replace(each, means={**each.means, f"percep_{BAD}": around(0.5, 0.1)}) for each in arms)
    return results(
        arms=arms,
        higher_is_better=columns,
        settings=((BAD, BAD),),
        compared_with=BAD,
        notes=(BAD,),
    )


def examples(key: str = "a/photo", width: int = 60, height: int = 40) -> list[Example]:
    """White pictures that became a darker version of a photograph."""
    clean = from_pil(photo(width, height))
    ranks = (("worst", 22.1), ("median", 27.9), ("best", math.inf))
    return [Example(rank, f"{key} {rank}", value, torch.ones_like(clean), clean * 0.8, clean) for rank, value in ranks]
