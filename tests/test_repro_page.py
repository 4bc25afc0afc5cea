"""What benchmarks/repro.py writes: tables, a picture, and what came out, told either way."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import i2sbkit

ROOT = Path(__file__).parent.parent


@pytest.fixture
def stand_ins(bench, tmp_path):
    """Numbers in place of what would be measured; their file."""
    module, trials = bench("repro_numbers"), bench("repro_trials")
    numbers = module.Numbers(tmp_path / "repro.json")
    for task in ("jpeg10", "sr4x"):
        for method, samplers in trials.METHODS.items():
            for sampler in samplers:
                for step in (100, 200, 400):
                    nfes = trials.NFES if step == 400 else trials.CURVE_NFES
                    more = (0, *nfes, 3, 6, 16) if method == "ddnm" else (0, *nfes)
                    rows = {nfe: module.Found(nfe, 30 - nfe / 10, 0.5, 1000 / step + nfe) for nfe in more}
                    numbers.add(module.Result(task, method, sampler, step, "0" * 64, 3, rows))
        each = {nfe: 0.01 * nfe for nfe in trials.NFES}
        three = {"i2sb": each, "diffusion": each, "ddnm": {nfe: 3 * value for nfe, value in each.items()}}
        numbers.add_seconds(task, module.Seconds("a machine", three))
    return tmp_path / "repro.json"


def test_the_page_is_written(bench, stand_ins, tmp_path):
    """Every part of the page has its tables, and the picture is one; twice is the same."""
    page = tmp_path / "repro.md"
    page.write_text((ROOT / "docs/repro.md").read_text("utf-8"), "utf-8")
    write = bench("repro_page").write
    write(stand_ins, page)
    text = page.read_text("utf-8")
    for part in ("jpeg10", "sr4x"):
        inside = text.partition(f"writes {part}: begin -->")[2].partition("<!--")[0]
        assert len(re.findall(r"^\| I²SB \|", inside, re.MULTILINE)) == 4  # three metrics and the seconds
        assert "After 400 steps; 3 tiles" in inside and "30.00 |" in inside
        assert "in I²SB's seconds (its nfe) | 29.90 (1) | 29.90 (1) | 29.90 (1) | 29.70 (3)" in inside
        learned = text.partition(f"writes {part} curves: begin -->")[2].partition("<!--")[0]
        assert "100 steps | 200 steps | 400 steps" in learned and "| I²SB, nfe 1 | 29.90 / 11.00 |" in learned
    root = ElementTree.parse(tmp_path / "images/repro.svg").getroot()
    assert len(root.findall(".//{*}polyline")) == 2 * (5 + 5 + 3)
    write(stand_ins, page)
    assert page.read_text("utf-8") == text


def test_what_is_beside_the_comparison_has_its_curve(bench, stand_ins, tmp_path):
    """I²SB whose network sees the damaged tile: told at the last step that all have, and drawn over the training."""
    module, page = bench("repro_numbers"), tmp_path / "repro.md"
    page.write_text((ROOT / "docs/repro.md").read_text("utf-8"), "utf-8")
    for step in (100, 200):
        rows = {nfe: module.Found(nfe, 33 - nfe / 10, 0.5, step / 100) for nfe in (1, 5, 20)}
        module.Numbers(stand_ins).add(module.Result("sr4x", "i2sb-x1", "sde", step, "0" * 64, 3, rows))
    bench("repro_page").write(stand_ins, page)
    text = page.read_text("utf-8")
    said = "after 200 steps at nfe 20: 2.00 and 31.00 dB, against 25.00 and 28.00 dB where it sees x_n alone, and 25.00"
    claims = text.partition("writes claims: begin -->")[2].partition("<!--")[0]
    assert claims.count("I²SB whose network sees the damaged tile too") == 1 and said in claims
    assert "| I²SB that sees x1, nfe 5 | 32.50 / 1.00 | 32.50 / 2.00 |  |" in text
    root = ElementTree.parse(tmp_path / "images/repro.svg").getroot()
    assert len(root.findall(".//{*}polyline")) == 2 * (5 + 5 + 3) + 1


def test_the_page_is_that_of_the_numbers(bench, tmp_path):
    """docs/repro.md and its picture are what docs/repro.json gives."""
    page = tmp_path / "repro.md"
    page.write_text((ROOT / "docs/repro.md").read_text("utf-8"), "utf-8")
    bench("repro_page").write(ROOT / "docs/repro.json", page)
    for name in ("repro.md", "images/repro.svg"):
        assert (tmp_path / name).read_text("utf-8") == (ROOT / "docs" / name).read_text("utf-8")


def test_what_is_not_measured_yet_is_left_out(bench, stand_ins, tmp_path):
    """A `measure` that was stopped before the inverse method in equal seconds gives a page without them."""
    module, page = bench("repro_numbers"), tmp_path / "repro.md"
    page.write_text((ROOT / "docs/repro.md").read_text("utf-8"), "utf-8")
    numbers = module.Numbers(stand_ins)
    for result in numbers.last("jpeg10", "ddnm"):
        fewer = {nfe: row for nfe, row in result.rows.items() if nfe != 16}
        numbers.add(replace(result, weights="1" * 64, rows=fewer))
    bench("repro_page").write(stand_ins, page)
    text = page.read_text("utf-8")
    parts = [text.partition(f"writes {part}: begin -->")[2].partition("<!--")[0] for part in ("jpeg10", "sr4x")]
    assert [part.count("in I²SB's seconds") for part in parts] == [0, 6]
    assert all("| DDNM, DDIM |" in part for part in parts) and text.count("And in equal seconds") == 1


@pytest.mark.parametrize("other", [{"tiles": 2}, {"step": 500}])
def test_what_does_not_go_together_is_not_put_into_one_table(bench, stand_ins, tmp_path, other):
    """Other tiles, or another number of steps."""
    module, page = bench("repro_numbers"), tmp_path / "repro.md"
    numbers = module.Numbers(stand_ins)
    numbers.add(replace(numbers.last("sr4x", "i2sb")[0], **other))
    with pytest.raises(i2sbkit.Error, match=r"sr4x: .* do not go into one table"):
        bench("repro_page").write(stand_ins, page)
    assert not page.exists()


def test_another_training_takes_the_place_of_the_one_before(bench, stand_ins):
    """As soon as weights of the same step differ, what was measured of it goes; what is of the new one stays."""
    numbers = bench("repro_numbers").Numbers(stand_ins)
    ways = {sampler: numbers.milestones("sr4x", "diffusion", sampler) for sampler in ("sde", "ode")}
    anew = [replace(each, weights="1" * 64) for each in (ways["sde"][2], *ways["ode"][1:])]
    numbers.add(anew[2])  # whichever is measured first
    numbers.make_way(anew)
    again = bench("repro_numbers").Numbers(stand_ins)
    assert [each.weights for each in again.milestones("sr4x", "diffusion", "ode")] == ["1" * 64]
    assert not again.milestones("sr4x", "diffusion", "sde") and len(again.milestones("sr4x", "i2sb", "sde")) == 3
    for each in anew:
        again.add(each)
    again.make_way(anew)
    assert [len(again.milestones("sr4x", "diffusion", sampler)) for sampler in ("sde", "ode")] == [1, 2]


def test_a_file_that_is_no_numbers_is_told(bench, tmp_path):
    """In one line, not a traceback."""
    for text in ("{", "[]", '{"results": [{}], "seconds": {}}'):
        (tmp_path / "repro.json").write_text(text)
        with pytest.raises(i2sbkit.Error, match="not the numbers of"):
            bench("repro_numbers").Numbers(tmp_path / "repro.json")


def rows(bench, *distances):
    """Rows by nfe with these distances."""
    module = bench("repro_claims")
    found = bench("repro_numbers").Found
    return {nfe: found(nfe, 30.0, 0.1, each) for nfe, each in zip(module.NFES, distances, strict=True)}


@pytest.mark.parametrize(
    ("ours", "says"),
    [
        ((1, 1, 1, 1, 1, 1), "**holds** at every nfe"),
        ((9, 9, 9, 9, 9, 9), "**does not hold** at any nfe"),
        ((1, 1, 1, 9, 9, 9), "**holds at 3 of 6** (nfe 1, 2, 5)"),
    ],
)
def test_claims_that_do_not_hold_are_told(bench, ours, says):
    """As plainly as those that do, with both numbers."""
    module = bench("repro_claims")
    line = module._realism(rows(bench, *ours), [rows(bench, *[5.0] * 6), rows(bench, *[7.0] * 6)])
    assert says in line and f"{ours[0]:.2f} against 5.00 (nfe 1)" in line


def test_few_against_many(bench):
    """Our best of few evaluations against the best of all of theirs."""
    module = bench("repro_claims")
    assert "**holds**, 3.00 against 4.00" in module._few(rows(bench, 9, 3, 5, 5, 1, 1), [rows(bench, 9, 9, 9, 9, 9, 4)])
    assert "**does not hold**" in module._few(rows(bench, 9, 5, 5, 5, 1, 1), [rows(bench, 9, 9, 9, 9, 9, 4)])
