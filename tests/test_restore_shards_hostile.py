"""Shards as an enemy or a broken disk makes them: what is left out, what is reported, and that nothing escapes."""

import tarfile
from pathlib import Path

import pytest
from shard_files import Negative, encoded, five, names_in, run, tar_of


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_text_that_leaves_the_folder_is_left_out(here, capsys):
    """With a warning, where it belongs to no picture."""
    tar_of(Path("in/a.tar"), ("good.png", encoded(8, 8)), ("../x.txt", b"x"))
    assert list(run(Negative(), "in/a.tar").outcomes)[-1].error is None
    assert names_in(Path("out/a.tar")) == ["good.png"]
    assert capsys.readouterr().err.startswith("warning: in/a.tar: ../x.txt: a link, a device or a name that leads")


@pytest.mark.parametrize("name", ["../up", "/etc/root", "a/../../b"])
def test_names_that_leave_the_folder_are_left_out(here, name):
    """They are in no shard that is written, are reported where they are pictures, and nothing is written there."""
    tar_of(Path("in/a.tar"), ("good.png", encoded(8, 8)), (f"{name}.png", encoded(9, 8)), (f"{name}.json", b"{}"))
    report = run(Negative(), "in/a.tar")
    assert [bool(outcome.error) for outcome in report.outcomes] == [False, True, False]
    assert names_in(Path("out/a.tar")) == ["good.png"]
    assert sorted(path.name for path in here.rglob("*") if path.is_file()) == ["a.tar", "a.tar"]


def test_links_and_devices_are_left_out(here, capsys):
    """With a warning: no shard should hold any."""
    members = []
    for name, kind in (("link.png", tarfile.SYMTYPE), ("hard.png", tarfile.LNKTYPE), ("pipe.png", tarfile.FIFOTYPE)):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        members.append((name, member))
    tar_of(Path("in/a.tar"), ("good.png", encoded(8, 8)), *members)
    run(Negative(), "in/a.tar")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[2] for line in lines] == ["link.png", "hard.png", "pipe.png"]
    assert all(line.startswith("warning: in/a.tar: ") for line in lines)
    assert names_in(Path("out/a.tar")) == ["good.png"]


def test_hostile_keys_stay_keys(here, capsys):
    """Line breaks, broken bytes and any letters go through, escaped where they are told of; so do long ones."""
    names = ["a\nb.png", "ü/日本.png", "x" * 300 + ".png", "caf\udce9.png"]
    tar_of(Path("in/a.tar"), *((name, encoded(8, 8)) for name in names), ("bad\n.png", b"x"))
    report = run(Negative(), "in/a.tar")
    assert names_in(Path("out/a.tar")) == names
    failed = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(failed) == len([outcome for outcome in report.outcomes if outcome.error]) == 1
    assert r"in/a.tar/bad\n.png: not a picture" in failed[0]


def test_a_damaged_shard_is_reported_and_the_rest_goes_on(here):
    """Cut off, no tar at all, or without pictures."""
    whole = five("in/b.tar").read_bytes()
    Path("in/a.tar").write_bytes(whole[:3000])
    Path("in/c.tar").write_bytes(b"no tar" * 999)
    tar_of(Path("in/d.tar"), ("x.txt", b"x"))
    report = run(Negative(), "in/a.tar", "in/b.tar", "in/c.tar", "in/d.tar")
    errors = {outcome.input: outcome.error for outcome in report.outcomes if outcome.error}
    assert list(errors) == ["in/a.tar", "in/c.tar", "in/d.tar"]
    assert all(error.startswith(f"{name}: ") for name, error in errors.items())
    assert list(report.outcomes.written) == ["out/b.tar"]


def test_two_files_of_one_name(here):
    """A picture whose new name is that of another file: refused before any work."""
    tar_of(Path("in/a.tar"), ("x.jpg", encoded(8, 8, "JPEG")), ("x.webp", encoded(8, 8, "WEBP")))
    work = Negative()
    report = run(work, "in/a.tar", suffix=".webp")
    assert "x.webp would be in the new shard 2 times" in next(iter(report.outcomes)).error
    assert work.done == []
