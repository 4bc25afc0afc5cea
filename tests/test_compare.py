"""`compare`: results matched with their references, and the numbers in a table or JSON."""

import json
import math
import os

import numpy as np
import pytest
import torch
from pictures import photo
from PIL import Image

from i2sbkit import Error, from_pil
from i2sbkit.cli import execute
from i2sbkit.comparing import matched
from i2sbkit.evaluating.folders import compare
from i2sbkit.metrics import Scorer, ssim


def lighter(image, levels):
    """A picture with every value raised by so many levels, saturating nowhere."""
    return Image.fromarray((np.asarray(image).clip(0, 255 - levels) + levels).astype(np.uint8))


def dark(width=32, height=24, name="lake-sherburne"):
    """A photograph that leaves room above."""
    return Image.fromarray(np.asarray(photo(width, height, name)).clip(0, 200).astype(np.uint8))


@pytest.fixture
def folders(tmp_path):
    """References a, sub/b and c; results of a (5 levels off) and sub/b (10), in other formats."""
    for name, suffix, levels in (("a", ".tif", 5), ("sub/b", ".webp", 10), ("c", None, 0)):
        reference = tmp_path / "ref" / f"{name}.png"
        reference.parent.mkdir(parents=True, exist_ok=True)
        dark().save(reference)
        if suffix:
            result = tmp_path / "res" / f"{name}{suffix}"
            result.parent.mkdir(parents=True, exist_ok=True)
            lighter(dark(), levels).save(result, **({"lossless": True} if suffix == ".webp" else {}))
    return tmp_path


def measured(results, references, other=None):
    return compare(results, references, Scorer(["psnr_rgb", "ssim_rgb"], torch.device("cpu")), other)


def decibels(levels):
    return 20 * math.log10(255 / levels)


def test_matched_by_place_and_stem(folders):
    """Suffixes may differ, folders may nest, and references without a result are no matter."""
    found = measured(folders / "res", folders / "ref")
    assert [name for name, _ in found.rows] == ["a", "sub/b"]
    assert [row["psnr_rgb"] for _, row in found.rows] == pytest.approx([decibels(5), decibels(10)], abs=1e-4)
    expected = [ssim(from_pil(dark()), from_pil(lighter(dark(), levels))) for levels in (5, 10)]
    assert [row["ssim_rgb"] for _, row in found.rows] == pytest.approx(expected, abs=1e-9)
    assert found.means["psnr_rgb"].mean == pytest.approx((decibels(5) + decibels(10)) / 2, abs=1e-4)
    assert found.means["psnr_rgb"].low == pytest.approx(decibels(10), abs=1e-4)
    assert found.means["psnr_rgb"].high == pytest.approx(decibels(5), abs=1e-4)


def test_two_files_are_compared_whatever_their_names(folders):
    """Two files need no common stem; a file and a folder do."""
    ((_, row),) = measured(folders / "res/a.tif", folders / "ref/c.png").rows
    assert row["psnr_rgb"] == pytest.approx(decibels(5), abs=1e-4)
    assert measured(folders / "res/a.tif", folders / "ref").rows[0][0] == "a"


def test_dots_in_a_name_belong_to_the_stem(tmp_path):
    """x.1.png is the result of x.1, not of x."""
    for folder, name in (("res", "x.1.png"), ("ref", "x.1.jpg"), ("ref", "x.png")):
        (tmp_path / folder).mkdir(exist_ok=True)
        dark().save(tmp_path / folder / name)
    assert [name for name, _, _ in matched(tmp_path / "res", tmp_path / "ref")] == ["x.1"]


def wrong(folders, result, reference):
    with pytest.raises(Error) as caught:
        measured(folders / result, folders / reference)
    return str(caught.value)


def test_what_cannot_be_compared_is_an_error(folders):
    """A result without reference, sizes that differ, tiny pictures, two files of a stem, nothing there, no picture."""
    assert "no reference for" in (said := wrong(folders, "ref", "res"))
    assert "c.png" in said
    assert "move away what is no result, as strips and spreads that restore wrote" in said
    dark(30, 24).save(folders / "ref/a.png")
    assert "differ in size: 32x24 and 30x24" in wrong(folders, "res", "ref")
    dark(32, 10).save(folders / "small.png")
    assert "needs 11 a side" in wrong(folders, "small.png", "small.png")
    dark().save(folders / "res/a.png")
    assert "have one stem" in wrong(folders, "res", "ref")
    assert "no such file or folder" in wrong(folders, "gone", "ref")
    (folders / "bad.png").write_text("text")
    assert "bad.png" in wrong(folders, "bad.png", "ref/c.png")


def test_a_table(folders, capsys):
    """A line a picture and one for the mean, on stdout."""
    assert execute(["compare", str(folders / "res"), str(folders / "ref")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    header, *rows = [line.split() for line in out.splitlines()]
    assert header == ["psnr_rgb", "ssim_rgb"]
    assert [row[0] for row in rows] == ["a", "sub/b", "mean", "95%", "95%"]
    assert float(rows[0][1]) == pytest.approx(decibels(5), abs=0.006)


def test_json(folders, capsys):
    """One document with every picture and the mean."""
    assert execute(["compare", str(folders / "res"), str(folders / "ref"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in document["pictures"]] == ["a", "sub/b"]
    assert document["mean"]["pictures"] == 2
    assert document["mean"]["psnr_rgb"] == pytest.approx((decibels(5) + decibels(10)) / 2, abs=1e-4)


def test_equal_pictures(folders, capsys):
    """An infinite PSNR is "inf" in the table and null in JSON, which has no infinity."""
    line = ["compare", str(folders / "ref"), str(folders / "ref")]
    assert execute(line) == 0
    assert ["mean", "inf", "1.0000"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    assert execute([*line, "--json"]) == 0

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    document = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert [row["psnr_rgb"] for row in document["pictures"]] == [None] * 3
    assert document["mean"]["psnr_rgb"] is None
    assert document["mean"]["ssim_rgb"] == pytest.approx(1)


def test_errors_are_a_line_on_stderr(folders, capsys):
    """Exit code 2, nothing on stdout."""
    assert execute(["compare", str(folders / "ref"), str(folders / "res"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_names_that_are_no_utf8(tmp_path, capfdbinary):
    """A name of any bytes passes through to the table, and into JSON as an escape."""
    for folder in (b"res", b"ref"):
        path = os.path.join(os.fsencode(tmp_path), folder)  # noqa: PTH118 - bytes
        os.mkdir(path)  # noqa: PTH102
        dark().save(os.fsdecode(os.path.join(path, b"caf\xe9.png")))  # noqa: PTH118
    line = ["compare", str(tmp_path / "res"), str(tmp_path / "ref")]
    assert execute(line) == 0
    assert b"caf\xe9" in capfdbinary.readouterr().out
    assert execute([*line, "--json"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["pictures"][0]["name"] == os.fsdecode(b"caf\xe9")


def test_another_folder_of_results_is_compared_picture_by_picture(folders):
    """a is 5 levels off and b 10; in the other folder both are 10: a gained 6 dB, b nothing."""
    for name in ("a", "sub/b"):
        (folders / "old" / name).parent.mkdir(parents=True, exist_ok=True)
        lighter(dark(), 10).save(folders / "old" / f"{name}.png")
    against = measured(folders / "res", folders / "ref", folders / "old").against["psnr_rgb"]
    assert against.difference.mean == pytest.approx((decibels(5) - decibels(10)) / 2, abs=1e-4)
    assert against.p > 0.4


def test_other_columns_and_a_comparison_on_the_command_line(folders, capsys):
    """--metrics names the columns, --against another folder; JSON has intervals and differences."""
    line = ["compare", str(folders / "res"), str(folders / "ref"), "--metrics", "psnr_y,psnr_rgb_crop2"]
    assert execute([*line, "--against", str(folders / "res"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["mean"]) == {"pictures", "psnr_y", "psnr_rgb_crop2"}
    assert document["interval"]["psnr_y"]["low"] <= document["mean"]["psnr_y"] <= document["interval"]["psnr_y"]["high"]
    assert document["against"]["psnr_y"] == {"difference": {"mean": 0, "low": 0, "high": 0}, "p": 1.0}
    assert execute([*line, "--against", str(folders / "res")]) == 0
    assert "against" in capsys.readouterr().out


def test_an_unknown_column_is_told_before_a_picture_is_read(folders, capsys):
    assert execute(["compare", str(folders / "res"), str(folders / "gone"), "--metrics", "psnr_rbg"]) == 2
    assert "psnr_rgb" in capsys.readouterr().err
