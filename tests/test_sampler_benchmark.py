"""benchmarks/samplers.py and schedules.py: what they write, and that the pages have it."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("picture", "orders", "variance", "bias")


@pytest.fixture
def small(bench, monkeypatch):
    """Two schedules and few draws."""
    module = bench("samplers")
    module.exactly.cache_clear()
    for name, value in {
        "SCHEDULES": {"brownian": {"std": 0.5}, "flow": {}}, "DRAWN": ("brownian",), "NFES": (1, 3), "STEPS": (10, 20),
        "FINE": 4001, "START": 3120, "END": 720, "COARSE": 21, "SIDE": 16,
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, value)
    yield module
    module.exactly.cache_clear()


def test_the_samplers_page_is_written_between_its_marks(small, tmp_path, capsys):
    """A row for each pair that fits; orders near what is claimed; a picture beside it."""
    page = tmp_path / "samplers.md"
    page.write_text("".join(f"{small.MARK.format(part)}\n<!-- {part}: end -->\n" for part in PARTS), "utf-8")
    tmp_path.joinpath("images").mkdir()
    small.main(page)
    text = page.read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert all(line in text for line in capsys.readouterr().out.splitlines() if line.startswith("| "))
    rows = [row for row in rows if len(row) == 6 and row[0] in small.SCHEDULES]
    measured = {tuple(row[:2]): (int(row[-2]), float(row[-1])) for row in rows}
    assert len(measured) == 6 + 2
    assert all(abs(found - claimed) < 0.5 for claimed, found in measured.values())
    panels = ElementTree.parse(tmp_path / "images/samplers.svg").getroot().findall("{*}g")
    assert len(panels) == 3


def test_the_picture_of_the_schedules_is_what_they_are(bench):
    """`python benchmarks/schedules.py docs/images/schedules.svg` would change nothing."""
    assert bench("schedules").picture() == (ROOT / "docs/images/schedules.svg").read_text("utf-8")


def test_the_samplers_page_has_every_pair(bench):
    """Of schedule and sampler, in each table."""
    module = bench("samplers")
    text = (ROOT / "docs/samplers.md").read_text("utf-8")
    for schedule in module.SCHEDULES:
        for each in module.KINDS:
            rows = text.count(f"| {schedule} | `{each.name}` |")
            assert rows == (3 if each.order else 2) * module.fits(schedule, each)
