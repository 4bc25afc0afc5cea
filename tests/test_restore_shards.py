"""Shards in, shards out: what is kept, what is restored, and how a run that was cut short goes on."""

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shard_files import Negative, content_of, encoded, five, names_in, run, tar_of

from i2sbkit import Error
from i2sbkit.bulk.shard_jobs import are_shards, find_shard_jobs
from i2sbkit.cli import execute
from i2sbkit.jobs.job import Job


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels_of(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def test_keys_order_and_metadata_are_kept(here):
    """Names and their order, what lies beside a picture byte for byte; the pictures are the restored ones."""
    before = content_of(five())
    report = run(Negative(), "in/a.tar")
    after = content_of(Path("out/a.tar"))
    assert [name for name, _ in after] == [name for name, _ in before]
    for (name, old), (_, new) in zip(before, after, strict=True):
        if name.endswith(".png"):
            assert np.array_equal(pixels_of(new), 255 - pixels_of(old))
        else:
            assert new == old
    assert list(report.outcomes.written) == ["out/a.tar"]
    assert [path.name for path in Path("out").iterdir()] == ["a.tar"]


def test_outcomes_name_the_pictures_in_their_shards(here):
    """A row a picture, and one for the shard as a whole."""
    five()
    report = run(Negative(), "in/a.tar")
    rows = [(outcome.input, outcome.outputs) for outcome in report.outcomes]
    assert rows[0] == ("in/a.tar/k0.png", ["out/a.tar/k0.png"])
    assert rows[-1] == ("in/a.tar", ["out/a.tar"])
    assert len(rows) == 6


def test_equal_shards_give_equal_bytes(here):
    """Whenever and however often: no time, user or order of work is in the tar."""
    five()
    run(Negative(), "in/a.tar")
    first = Path("out/a.tar").read_bytes()
    Path("out/a.tar").unlink()
    run(Negative(), "in/a.tar")
    assert Path("out/a.tar").read_bytes() == first


def test_a_shard_that_is_replaced_takes_its_index_along(here):
    """`shards check` finds no fault with what `--overwrite` wrote over an indexed shard."""
    shard = tar_of(here / "in/a.tar", ("k.png", encoded(20, 10)))
    run(Negative(), shard)
    assert execute(["shards", "index", "out/a.tar"]) == 0
    run(Negative(), shard, suffix=".webp")
    assert execute(["shards", "check", "out/a.tar"]) == 0


def test_another_format_is_another_extension(here):
    """With --format webp the picture is called so, and the rest as it was."""
    before = names_in(five())
    run(Negative(), "in/a.tar", suffix=".webp")
    assert names_in(Path("out/a.tar")) == [name.replace(".png", ".webp") for name in before]
    assert dict(content_of(Path("out/a.tar")))["k0.webp"][8:12] == b"WEBP"


def test_a_run_that_was_cut_short_goes_on(here):
    """What was restored is not restored again, and the shard is that of a run that was never cut short."""
    five()
    run(Negative(), "in/a.tar")
    whole = Path("out/a.tar").read_bytes()
    Path("out/a.tar").unlink()
    first, second = Negative({3: KeyboardInterrupt()}), Negative()
    with pytest.raises(KeyboardInterrupt):
        run(first, "in/a.tar")
    assert not Path("out/a.tar").exists()
    run(second, "in/a.tar")
    assert (first.done, second.done) == (["k0.png", "k1.png", "k2.png", "k3.png"], ["k3.png", "k4.png"])
    assert Path("out/a.tar").read_bytes() == whole
    assert [path.name for path in Path("out").iterdir()] == ["a.tar"]


@pytest.mark.parametrize("what", ["settings", "suffix", "shard"])
def test_work_of_other_settings_is_not_gone_on_with(here, what):
    """Other settings, another format or a changed shard begin anew, and nothing of the old work stays."""
    five()
    with pytest.raises(KeyboardInterrupt):
        run(Negative({3: KeyboardInterrupt()}), "in/a.tar")
    if what == "shard":
        tar_of(Path("in/a.tar"), *content_of(Path("in/a.tar"))[:-1])
    again = Negative()
    run(again, "in/a.tar", **({} if what == "shard" else {what: ".webp"}))
    assert len(again.done) == 5
    assert [path.name for path in Path("out").iterdir()] == ["a.tar"]


def test_a_picture_that_fails_is_left_out(here, capsys):
    """With all that lies beside it; it is reported, and the others are in the shard."""
    five()
    told = []
    report = run(Negative({1: Error("bad")}), "in/a.tar", noted=lambda outcome, made: told.append(outcome))
    assert [outcome.error for outcome in told] == [None, "in/a.tar/k1.png: bad", None, None, None, None]
    assert list(report.outcomes) == told
    assert not any(name.startswith("k1.") for name in names_in(Path("out/a.tar")))
    assert len(names_in(Path("out/a.tar"))) == 11
    assert "failed: in/a.tar/k1.png: bad" in capsys.readouterr().err


def test_a_shard_of_which_nothing_is_left(here):
    """No shard without pictures is written."""
    tar_of(Path("in/a.tar"), ("x.png", b"no picture"), ("x.txt", b"x"))
    report = run(Negative(), "in/a.tar")
    assert "x.png: not a picture" in next(iter(report.outcomes)).error
    assert "no picture in it could be restored" in list(report.outcomes)[1].error
    assert not Path("out/a.tar").exists()


def test_a_full_disk_loses_no_picture(here):
    """A picture that could not be stored is not left out: the shard is not written, and the next run goes on."""
    five()
    report = run(Negative({2: OSError(28, "No space left on device")}), "in/a.tar")
    assert [bool(outcome.error) for outcome in report.outcomes] == [False, False, True, False, False, True]
    assert "--skip-existing goes on" in list(report.outcomes)[-1].error
    assert not Path("out/a.tar").exists()
    again = Negative()
    run(again, "in/a.tar")
    assert again.done == ["k2.png"]
    assert len(names_in(Path("out/a.tar"))) == 13


def test_memory_does_not_grow_with_the_number_of_pictures(here):
    """Forty times the pictures take no more than a few kB each: pictures are never all in memory."""
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    peaks = []
    for count in (2, 80):
        tar_of(Path(f"in/{count}.tar"), *((f"k{n}.png", buffer.getvalue()) for n in range(count)))
        tracemalloc.start()
        run(Negative(), f"in/{count}.tar")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 78 < len(buffer.getvalue()) / 4


def test_what_counts_as_shards(here):
    """A .tar, a pattern of them, a folder with nothing else to restore; not a folder that also holds pictures."""
    five("in/a.tar")
    five("mixed/a.tar")
    Path("mixed/x.png").write_bytes(encoded(8, 8))
    assert are_shards(Path("in"))
    assert are_shards(Path("in/a.tar"))
    assert are_shards(Path("in/{a,b}.tar"))
    assert not are_shards(Path("mixed"))
    assert not are_shards(Path("mixed/x.png"))


def test_places_of_shards(here):
    """Brace patterns, globs and folders; each shard keeps its name; one that is given twice counts once."""
    for number in range(3):
        five(f"in/s-{number:06d}.tar")
    expected = [Job(Path(f"in/s-{n:06d}.tar"), Path(f"out/s-{n:06d}.tar")) for n in range(3)]
    for inputs in (["in/s-{000000..000002}.tar"], ["in/*.tar"], ["in"], ["in", "in/s-000001.tar"]):
        assert find_shard_jobs([Path(given) for given in inputs], Path("out")) == expected
    for out in ("one.tar", "x.png", "in/s-000000.tar"):
        with pytest.raises(Error, match="give a folder as OUT"):
            find_shard_jobs([Path("in")], Path(out))
    with pytest.raises(Error, match="no such shard"):
        find_shard_jobs([Path("in/gone-{0..1}.tar")], Path("out"))
