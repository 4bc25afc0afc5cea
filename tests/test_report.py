"""`restore --report`: what is on the page, that it loads nothing, and what is kept of a picture for it."""

import json
import os
import re
import signal
from pathlib import Path

from pictures import photo
from report_pages import HOSTILE, text_of, write_report
from restore_command import run_restore
from working_weights import working_weights

import i2sbkit
from i2sbkit.cli import execute
from i2sbkit.report import collecting


def test_the_page_shows_pictures_settings_and_recipe(pairs_here, restore):
    """For each picture both versions, its film and its numbers; weights, settings, versions, recipe and times."""
    assert restore("in", "out", "--report", "r.html", "--nfe", 3, "--seed", 7)[0] == 0
    page, text = Path("r.html").read_text("utf-8"), text_of()
    assert page.count('class="picture"') == page.count('class="compare"') == page.count('class="film"') == 2
    assert [int(n) for n in re.findall(r'data-n="(\d+)"', page)][:4] == [99, 66, 33, 0]
    assert "2 pictures restored" in text
    sampler = "sde(nfe=3, spacing=uniform)"
    for said in ("in/a.png", "in/sub/b.png", "40 × 32", "24 × 48", sampler, "x1.safetensors", i2sbkit.__version__):
        assert said in text
    assert re.search(r"Seed\s+7", text)
    assert 'name = "jpeg"' in text
    assert re.search(r"SHA-256\s+[0-9a-f]{64}", text)
    assert "PSNR" not in text
    assert "spread" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_the_page_has_what_was_told_and_asked_besides(pairs_here, capsys, tmp_path):
    """Kernel, consistency, mask colour, feather and force; where none is given, that there is no consistency."""
    Path("w").mkdir()
    working_weights(tmp_path / "w/blur.safetensors", name="blur")
    line = ["in", "out", "--overwrite", "--report", "r.html", "--nfe", 1]
    told = ["--kernel", "gaussian:9:2.5", "--mask-color", "#ff00fe", "--feather", 2, "--force"]
    run_restore(tmp_path / "w", capsys, [*line, *told, "--consistency", "cddb:0.3"], "blur")
    text = text_of()
    for said in (
        r"Kernel\s+gaussian:9:2.5",
        r"Consistency\s+cddb:0.3",
        r"Mask colour\s+#ff00fe",
        r"Feather \(px\)\s+2",
    ):
        assert re.search(said, text)
    assert re.search(r"Forced\s+yes", text)
    run_restore(tmp_path / "w", capsys, [*line, "--kernel", "gaussian:9:2.5"], "blur")
    assert re.search(r"Consistency\s+ddnm", text_of())
    run_restore(tmp_path / "w", capsys, line, "blur")
    assert re.search(r"Consistency\s+none", text_of())
    assert not re.search("Kernel|Mask colour|Feather|Forced", text_of())


def test_several_draws_have_a_map_of_where_they_differ(pairs_here, restore):
    """With --samples, whether or not --spread writes it to a file."""
    assert restore("in", "out", "--report", "r.html", "--samples", 3)[0] == 0
    assert Path("r.html").read_text("utf-8").count('class="spread"') == 2
    assert "Standard deviation of 3 draws" in text_of()


def test_metrics_are_those_of_compare(pairs_here, restore, capsys):
    """With --references: of what was written, as `compare` measures it, and of what was given."""
    assert restore("in", "out", "--report", "r.html", "--references", "clean")[0] == 0
    text = text_of()
    assert execute(["compare", "out", "clean", "--json"]) == 0
    after = json.loads(capsys.readouterr().out)
    assert execute(["compare", "in", "clean", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    for old, new in zip(before["pictures"], after["pictures"], strict=True):
        assert f"{old['psnr_rgb']:.2f} → {new['psnr_rgb']:.2f}" in text
        assert f"{old['ssim_rgb']:.4f} → {new['ssim_rgb']:.4f}" in text
    old, new = (f"{each['mean']['psnr_rgb']:.2f}" for each in (before, after))
    assert re.search(rf"Mean PSNR \(dB\)\s+{new}\s+from {old}", text)


def test_one_picture_against_one_reference(pairs_here, restore):
    """Two files are compared as they are, whatever they are called."""
    assert restore("in/a.png", "x.png", "--report", "r.html", "--references", "clean/a.png")[0] == 0
    assert "PSNR" in text_of()


def test_what_cannot_be_measured_is_said(pairs_here, restore):
    """A reference of another size is a warning; the picture is restored and shown."""
    photo(41, 32).save("clean/a.png")
    code, _, err = restore("in", "out", "--report", "r.html", "--references", "clean")
    assert code == 0
    assert "not measured" in err and "41x32" in err
    assert "40 × 32" in text_of()


def test_failures_are_listed(pairs_here, restore):
    """A file that cannot be restored is on the page with its message, beside the others; the exit code is 1."""
    Path("in/bad.png").write_bytes(b"no picture")
    assert restore("in", "out", "--report", "r.html")[0] == 1
    text = text_of()
    assert "1 file failed" in text
    assert re.search(r"in/bad\.png: not a", text)
    assert "2 pictures restored" in text
    assert re.search(r"Restored\s+2 of 3", text)


def test_what_was_done_before_ctrl_c_is_on_the_page(pairs_here, restore, monkeypatch):
    """The page is written of what was restored until then, and says that it was cut short."""
    add = collecting.Collector.add
    monkeypatch.setattr(
        collecting.Collector, "add", lambda *given: (add(*given), os.kill(os.getpid(), signal.SIGINT))[0]
    )
    assert restore("in", "out", "--report", "r.html")[0] == 130
    text = text_of()
    assert "1 picture restored" in text
    assert "Stopped before the end: 1 of 2 files were not reached" in text


def test_the_page_loads_nothing(pairs_here, restore):
    """No address, no reference to another file: all pictures are in it, and its policy forbids the rest."""
    assert restore("in", "out", "--report", "r.html", "--samples", 2)[0] == 0
    page = Path("r.html").read_text("utf-8")
    assert "://" not in page
    assert all(
        link.startswith(("data:image/webp;base64,", "#")) for link in re.findall(r'(?:src|href)="([^"]*)"', page)
    )
    assert not re.search(r"@import|url\(|<link|<iframe|<object", page)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy[1].startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy[1]


def test_hostile_text_is_escaped(tmp_path):
    """Names, messages, settings and recipes that are markup, templates or several lines stay text."""
    page = write_report(tmp_path / "r.html", "a.png", HOSTILE).read_text("utf-8")
    assert page.count("<script>") == 1
    assert "<b>" not in page
    assert "\u202e" not in page
    assert "$name ${name}\\nnew\\u202eline" in page
    assert '&lt;/pre&gt;&lt;b&gt;"'.replace('"', "&quot;") in page


def test_names_that_are_no_unicode(pairs_here, restore):
    """A file name of any bytes is on the page, spelt out where it is no text."""
    name = os.fsdecode(b"in/<b>\xff\n.png")
    Path("in/a.png").rename(name)
    assert restore("in", "out", "--report", "r.html", "--json")[0] == 0
    assert "in/<b>\\udcff\\n.png" in text_of()


def test_the_same_run_gives_the_same_page(pairs_here, restore, monkeypatch):
    """With SOURCE_DATE_EPOCH its date is that one: but for times, two pages of one run are equal."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    pages = []
    for number in (1, 2):
        assert restore("in/a.png", f"{number}.png", "--report", f"{number}.html")[0] == 0
        pages.append(re.sub(r"[\d.–]+ s\b|Megapixels/s</dt><dd>[\d.–]+", "", Path(f"{number}.html").read_text()))
    assert pages[0] == pages[1]
    assert "1970-01-02 00:00 UTC" in pages[0]


def test_beyond_the_limit_there_are_numbers(pairs_here, restore, monkeypatch):
    """So many pictures are shown; of the others a line in the table, and the page says so."""
    monkeypatch.setattr(collecting, "LIMIT", 1)
    assert restore("in", "out", "--report", "r.html")[0] == 0
    assert Path("r.html").read_text("utf-8").count('class="picture"') == 1
    text = text_of()
    assert "in/sub/b.png" in text
    assert "of the other 1 there are the numbers" in text
