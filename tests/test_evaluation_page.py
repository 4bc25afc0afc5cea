"""The page of an evaluation: what is on it, that it loads nothing, and hostile names."""

import math
import re

import pytest
from evaluations import BAD, INPUT, arm, examples, hostile, results, without_comparison
from report_pages import text_of

from i2sbkit.files import write_text
from i2sbkit.printable import one_line
from i2sbkit.report.evaluation import BESIDE, evaluation_page


def page_of(tmp_path, *arguments):
    """The page as HTML, and its visible text on one line."""
    page = evaluation_page(*arguments)
    write_text(tmp_path / "e.html", page)
    return page, " ".join(text_of(tmp_path / "e.html").split())


def test_the_page_shows_numbers_plots_pictures_and_settings(tmp_path):
    """Every arm with its means and intervals, differences with p, a plot a column, three pictures, notes, settings."""
    page, text = page_of(tmp_path, results(), examples(), "psnr_rgb")
    assert "Evaluation on 50 pictures" in text and "6 ways to restore them" in text
    for said in ("sde nfe 10", "dbim nfe 100 eta 0.5", "27.00 [26.50, 27.50]", "0.7300 [0.7100, 0.7500]", "0.300"):
        assert said in text
    assert "Differences to old on the same pictures" in text
    assert "+0.12 [+0.07, +0.17], p < 0.001" in text
    assert re.findall(r'aria-label="([^"]*)">\s*<desc>', page) == ["PSNR RGB (dB)", "SSIM RGB", "LPIPS", "FID"]
    assert re.findall(r"<h3>(.*?)</h3>", page) == [f"{r}: a/photo {r.lower()}" for r in ("Worst", "Median", "Best")]
    assert page.count('class="compare"') == page.count('class="clean"') == 3
    for said in ("Few pictures.", "Weights jpeg10", "By PSNR RGB (dB), restored by dbim nfe 1 eta 0.5."):
        assert said in text
    assert re.search(r"Best: a/photo best .* PSNR RGB \(dB\) inf", text)


def test_the_numbers_that_matter_are_tiles(tmp_path):
    """The best of each column, whose it is, and the input's; the column that was asked for first."""
    _, text = page_of(tmp_path, results(), (), "lpips")
    head = text[: text.index("Quality against time")]
    found = re.findall(r"Best (.*?) ([\d.]+) (\w+ nfe \d+(?: eta 0.5)?) input ([\d.]+)", head)
    assert found == [
        ("LPIPS", "0.0800", "dbim nfe 100 eta 0.5", "0.400"),
        ("PSNR RGB (dB)", "28.20", "dbim nfe 1 eta 0.5", "25.10"),
        ("SSIM RGB", "0.8400", "sde nfe 1", "0.7300"),
        ("FID", "18.6", "dbim nfe 100 eta 0.5", "88.3"),
    ]


def test_the_best_of_a_column_is_emphasised(tmp_path):
    """Of those that are written alike each; of a column that is neither way better, none."""
    page, text = page_of(tmp_path, results(), (), "psnr_rgb")
    assert re.findall(r"<strong>(.*?)</strong>", page) == ["0.8400", "28.20", "0.8400", "0.0800", "18.6"]
    assert "bold: the best of its column" in text


def test_picks_are_marked(tmp_path):
    """In the table and in every plot."""
    marks = {"sde nfe 1": "fast", "dbim nfe 100 eta 0.5": "best"}
    page, _ = page_of(tmp_path, without_comparison(results()), (), "psnr_rgb", marks)
    assert re.findall(r'([^>]*) <span class="pick">(.*?)</span>', page) == list(marks.items())
    assert page.count('class="ring"') == page.count('class="mark"') == 2 * 4


@pytest.mark.parametrize("arms", [(), (arm("sde", 5),)])
def test_what_is_not_there_is_left_out(tmp_path, arms):
    """No plot of a single arm, no pictures, notes or comparison where there are none, no footer on pictures."""
    alone = without_comparison(results(arms=(INPUT, *arms), notes=(), pictures=1))
    page, text = page_of(tmp_path, alone, (), "psnr_rgb")
    assert "Evaluation on 1 picture" in text
    for absent in ("Quality against time", "Worst", "Differences", "WebP"):
        assert absent not in text
    assert 'class="notes"' not in page


def test_values_without_a_place_are_noted(tmp_path):
    """An infinite mean is in the table, and named below the plot that cannot show it."""
    perfect = arm("sde", 5)
    perfect.means["psnr_rgb"] = type(perfect.means["psnr_rgb"])(math.inf, 30.0, math.inf)
    found = results(arms=(*results().arms, perfect))
    _, text = page_of(tmp_path, found, (), "psnr_rgb")
    assert "inf [30.00, inf]" in text
    assert "Not shown: sde 5 (0.15, inf)." in text


@pytest.mark.parametrize(("side", "beside"), [(BESIDE, True), (BESIDE + 1, False)])
def test_small_pictures_stand_beside_each_other(tmp_path, side, beside):
    """Large ones below each other, as large as there is room."""
    page, _ = page_of(tmp_path, results(), examples(width=side, height=30), "psnr_rgb")
    assert ('class="examples beside"' in page) == beside


def test_the_page_loads_nothing(tmp_path):
    """No address, no style or script that its policy would refuse, no reference to another file."""
    page, text = page_of(tmp_path, results(), examples(), "psnr_rgb")
    assert "://" not in page
    assert all(link.startswith("data:image/webp;base64,") for link in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert not re.search(r"@import|url\(|<link|<iframe|<object|<use|<image|\sstyle=|\son\w+=", page)
    assert "unsafe" not in re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "This page loads nothing from anywhere." in text


def test_hostile_text_is_escaped(tmp_path):
    """Keys, samplers, options, columns, notes and settings that are markup, templates or several lines stay text."""
    page, text = page_of(tmp_path, hostile(), examples(BAD), "psnr_rgb", {f"{BAD} nfe 2 kind {BAD}": BAD})
    assert page.count("<script>") == 1
    assert "<b>" not in page and "\u202e" not in page and "$name ${name}\\nnew" in page
    spelled = " ".join(one_line(BAD).split())
    assert text.count(spelled) > 20
    assert f"Worst: {spelled} worst" in text


def test_the_same_results_give_the_same_page(monkeypatch):
    """With SOURCE_DATE_EPOCH its date is that one."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    first, second = (evaluation_page(results(), examples(), "psnr_rgb") for _ in range(2))
    assert first == second
    assert "1970-01-02 00:00 UTC" in first
