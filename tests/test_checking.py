"""Checking: what is wrong is found and named, and what is right is not."""

import json
import tarfile

from photographs import encoded, make_folder, make_shards, make_tar, picture

from i2sbkit.cli import execute
from i2sbkit.sources.checking import check
from i2sbkit.sources.packing import pack


def problems(*paths):
    """What a check finds, as (key, what)."""
    return [(problem.key, problem.what) for problem in check(paths).problems]


def test_check_finds_nothing_wrong_with_good_shards(tmp_path):
    """Shards fresh from packing, and the folder that they are from, are without a problem."""
    folder = make_folder(tmp_path / "photos")
    report = check([*pack(folder, tmp_path / "out").shards])
    assert (report.shards, report.photographs, report.problems) == (1, 3, [])
    assert report.bytes == sum(path.stat().st_size for path in folder.rglob("*.png"))
    assert check([folder]).problems == []


def test_check_finds_what_cannot_be_decoded(tmp_path):
    """Every undecodable picture is named with its shard and key; the others are checked all the same."""
    bad = encoded(picture(7), "JPEG")[:300]
    files = [("a.png", b"bad"), ("b.png", encoded(picture(0))), ("c.jpg", bad), ("d.txt", b"words")]
    shard = make_tar(tmp_path / "s.tar", files)
    report = check([shard])
    assert [(problem.path, problem.key) for problem in report.problems] == [(str(shard), key) for key in "acd"]
    assert report.photographs == 3
    assert all("shards check" not in problem.what for problem in report.problems)
    assert "not a readable picture" in report.problems[0].what
    assert report.problems[2].what == "no picture in the sample"


def test_check_finds_a_truncated_tar_and_checks_the_rest(tmp_path):
    """What lies before the cut counts, and the next shard is looked at."""
    folder = make_shards(tmp_path / "s", (4, 2))
    first = folder / "s-000000.tar"
    with tarfile.open(first) as tar:
        cut = tar.getmembers()[2].offset_data + 10
    first.write_bytes(first.read_bytes()[:cut])
    report = check([folder])
    assert report.photographs == 2 + 2
    assert [(problem.path, problem.key, problem.what) for problem in report.problems] == [(str(first), "", "truncated")]


def test_check_finds_duplicates(tmp_path):
    """The same key, in one shard or two, and the same picture under two keys."""
    image, other = encoded(picture(0)), encoded(picture(1))
    one = make_tar(tmp_path / "1.tar", [("a.png", image), ("b.png", other), ("a.png", encoded(picture(2)))])
    two = make_tar(tmp_path / "2.tar", [("b.png", encoded(picture(3))), ("c.png", image)])
    assert problems(one, two) == [
        ("a", f"the key comes twice, first in {one}: a"),
        ("b", f"the key comes twice, first in {one}: b"),
        ("c", f"the same picture as {one}: a"),
    ]


def test_check_finds_a_file_that_comes_twice_in_a_row(tmp_path):
    """A second file of the same name, which would take the place of the first, is a second sample."""
    shard = make_tar(tmp_path / "s.tar", [("a.png", encoded(picture(0))), ("a.png", encoded(picture(1)))])
    assert problems(shard) == [("a", f"the key comes twice, first in {shard}: a")]


def test_check_finds_several_pictures_in_a_sample(tmp_path):
    """Two formats under one key: only one would ever be trained on."""
    shard = make_tar(tmp_path / "s.tar", [("a.jpg", encoded(picture(0), "JPEG")), ("a.png", encoded(picture(1)))])
    assert [key for key, _ in problems(shard)] == ["a"]


def test_check_prints_problems_and_exits_with_1(tmp_path, capsys):
    """A line a problem on stdout, the count on stderr; --json has the numbers too; 0 where all is well."""
    good, bad = make_folder(tmp_path / "p") / "a.png", make_tar(tmp_path / "s.tar", [("k.png", b"bad")])
    assert execute(["shards", "check", str(good.parent)]) == 0
    assert capsys.readouterr().out == ""
    assert execute(["shards", "check", str(bad)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{bad}: k: not a readable picture")
    assert out.count("\n") == 1
    assert "1 photographs, 1 problem" in err
    assert execute(["shards", "check", str(bad), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["shards"], report["photographs"], len(report["problems"])) == (1, 1, 1)
