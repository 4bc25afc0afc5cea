"""docs/compare-tools.md says what docs/quality.md measured."""

import re
from pathlib import Path

import pytest

import i2sbkit
from i2sbkit.jobs.manifest import sha256_of
from i2sbkit.shipped import bundled

DOCS = Path(__file__).parent.parent / "docs"
PAGE, QUALITY = ((DOCS / name).read_text("utf-8") for name in ("compare-tools.md", "quality.md"))


def headline(section):
    """What docs/quality.md says first of a damage."""
    return re.search(rf"^### {re.escape(section)}\n\n(.*)$", QUALITY, re.MULTILINE)[1]


@pytest.mark.parametrize(
    ("row", "sections", "pattern"),
    [
        ("JPEG, quality 5 and 10", ("jpeg, quality 5", "jpeg, quality 10"), r"1st of 5; .* spp, is (\S+) dB worse"),
        ("JPEG, quality 20", ("jpeg, quality 20",), r"1st of 5; the next, waifu2x cunet, is (\S+) dB worse"),
        ("JPEG, quality 40", ("jpeg, quality 40",), r"2nd of 5; \*\*waifu2x cunet is (\S+) dB better"),
        ("4x smaller, bicubic", ("sr4x, bicubic",), r"5th of 9; \*\*DAT-light is (\S+) dB better\*\*"),
        ("4x smaller, means", ("sr4x, pool",), r"2nd of 9; \*\*waifu2x cunet is (\S+) dB better"),
        ("blur, the kernel told", ("blur, uniform 9",), r"\*\*total variation is (\S+) dB better"),
    ],
)  # fmt: skip
def test_its_numbers_are_those_of_quality(row, sections, pattern):
    """Each row of the table of the bundled weights, in order; else: change docs/compare-tools.md too."""
    said = re.search(rf"^\| {re.escape(row)} \| (.*) \|$", PAGE, re.MULTILINE)[1]
    measured = [re.search(pattern, headline(section))[1] for section in sections]
    numbers = re.findall(r"(\d+\.\d\d)(?= and| dB)", said)
    assert numbers == (measured if numbers else [])
    assert numbers or "better" in said


def test_quality_is_of_the_weights_that_are_bundled():
    """Each row of ours names the file by its sum; else: python benchmarks/quality.py --write docs/quality.md."""
    sums = {path.stem: sha256_of(path)[:8] for path in bundled().values()}
    named = re.findall(r"^\| \*\*i2sbkit (\w+)[\w ]* \(weights (\w+)\)", QUALITY, re.MULTILINE)
    assert {task for task, _ in named} == set(sums)
    assert all(sums[task] == found for task, found in named)


def test_it_counts_our_parts():
    """Schedules and samplers, one sampler's second name not counted twice."""
    ours = [part for part in i2sbkit.registry.default().components if part.distribution == "i2sbkit"]
    schedules, samplers = (
        len({part.factory for part in ours if part.kind == kind}) for kind in ("schedule", "sampler")
    )
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| i2sbkit | ["))
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[2].startswith(f"[{schedules} schedules]")
    assert cells[3] == str(samplers)
