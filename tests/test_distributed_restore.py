"""`i2sbkit restore` in several processes: each takes its share of files or shards, and one tells of all."""

import json
import os
import signal
from pathlib import Path

import pytest
from memory_probe import resident_bytes
from ranks import rank, run_ranks
from restore_command import everything
from shard_files import content_of, encoded, five, tar_of

from i2sbkit import api
from i2sbkit.bulk import files
from i2sbkit.cli import execute
from i2sbkit.jobs.job import Job
from i2sbkit.jobs.manifest import NAME, OF_RANK, Manifest, take_in
from i2sbkit.kernel.errors import Error


@pytest.fixture
def restore_in_ranks(weights):
    """Run the command in two processes: how each of them ended."""

    def run(*line):
        model = ["--weights", str(weights / "x1.safetensors"), "--device", "cpu"]
        return run_ranks(lambda: execute(["restore", *map(str, line), *model]))

    return run


@pytest.fixture
def restore_alone(weights):
    """The same in this process."""

    def run(*line, code=0):
        assert execute(["restore", *line, "--weights", str(weights / "x1.safetensors"), "--device", "cpu"]) == code

    return run


def content(folder):
    return {name: Path(folder, name).read_bytes() for name in everything(folder)}


def lines_of(folder):
    return [json.loads(line) for line in Path(folder, NAME).read_text("utf-8").splitlines()]


def test_a_folder(here, restore_alone, restore_in_ranks, capfd):
    """The files that one process makes, to the bit; each once in the manifest; stdout names them once, in order."""
    restore_alone("in", "one")
    capfd.readouterr()
    assert restore_in_ranks("in", "two") == [0, 0]
    out, err = capfd.readouterr()
    assert content("two") == content("one")
    assert out.splitlines() == [f"two/{name}" for name in ("a.png", "one.bmp", "sub/b c.JPG", "sub/ü/d.webp")]
    assert err == ""
    one, two = ({line["input"]: line["sha256"] for line in lines_of(folder)} for folder in ("one", "two"))
    assert two == one
    assert len(lines_of("two")) == 4
    assert not list(Path("two").glob(".*"))


def test_a_file_that_fails(here, restore_in_ranks, capfd):
    """It is told by whoever met it, and counted by the first, whose exit code says so when all are done."""
    Path("in/bad.png").write_text("x")  # the second of five
    assert restore_in_ranks("in", "out", "--json") == [1, 0]
    out, err = capfd.readouterr()
    assert err.splitlines() == [f"failed: {json.loads(out)[1]['error']}", "1 of 5 files failed"]
    assert [outcome["status"] for outcome in json.loads(out)] == ["done", "failed", "done", "done", "done"]
    assert len(everything("out")) == 4


@pytest.mark.parametrize("at", [0, 1])
def test_what_is_there_is_not_done_again(at, here, restore_alone, restore_in_ranks, capfd):
    """--skip-existing after a kill, and the manifest tells of all: nothing is done twice, nothing is missing."""
    restore_alone("in", "one")
    before = files.write_picture

    def killed(path, *rest, **more):
        if rank() == at and path.name != "a.png":
            os.kill(os.getpid(), signal.SIGKILL)
        before(path, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "write_picture", killed)
        codes = restore_in_ranks("in", "two")
    assert codes[at] == str(-signal.SIGKILL)
    assert codes[1 - at] == 2
    done = {name for name in everything("two") if not name.startswith(".")}
    assert len(done) < 4
    times = {name: Path("two", name).stat().st_mtime_ns for name in done}
    assert restore_in_ranks("in", "two", "--skip-existing") == [0, 0]
    assert content("two") == content("one")
    assert times == {name: Path("two", name).stat().st_mtime_ns for name in done}
    told = [line["input"] for line in lines_of("two") if line["status"] == "done"]
    assert sorted(told) == sorted(f"in/{name}" for name in everything("in"))


def test_shards(here, restore_alone, restore_in_ranks, capfd):
    """Each shard is one process's; the new ones are those of one process."""
    for number in range(3):
        five(f"s/s-{number}.tar")
    tar_of(Path("s/s-3.tar"), ("x.jpg", encoded(30, 20, "JPEG")))
    restore_alone("s", "one")
    capfd.readouterr()
    assert restore_in_ranks("s", "two") == [0, 0]
    out, _ = capfd.readouterr()
    assert out.splitlines() == [f"two/s-{number}.tar" for number in range(4)]
    for number in range(4):
        assert content_of(Path(f"two/s-{number}.tar")) == content_of(Path(f"one/s-{number}.tar"))
    assert len(lines_of("two")) == len(lines_of("one")) == 20


def test_shards_are_told_of_in_the_order_of_one_process(here, restore_alone, restore_in_ranks, capfd):
    """Also those that fail, pictures and shards."""
    for number in range(3):
        five(f"s/s-{number}.tar")
    tar_of(Path("s/s-1.tar"), ("x.jpg", b"none"), ("y.jpg", encoded(30, 20, "JPEG")))
    Path("s/s-3.tar").write_bytes(b"no tar")
    told = []
    for restore in (
        lambda: restore_alone("s", "one", "--json", code=1),
        lambda: restore_in_ranks("s", "two", "--json"),
    ):
        capfd.readouterr()
        restore()
        rows = json.loads(capfd.readouterr().out)
        told.append([(row["input"], row["status"], len(row["outputs"])) for row in rows])
    assert told[0] == told[1]
    assert {status for _, status, _ in told[0]} == {"done", "failed"}


def test_fewer_files_than_processes(here, restore_in_ranks, capfd):
    """One has nothing to do: said, and no failure."""
    assert restore_in_ranks("in/a.png", "out") == [0, 0]
    assert capfd.readouterr().err == "warning: 1 files or shards for 2 processes: the others have nothing to do\n"
    assert everything("out") == ["a.png"]


def test_a_signal_to_all(here, restore_in_ranks, monkeypatch, capfd):
    """Each ends with the file under way; the first says how many are done, and has the signal's exit code."""
    before = files.write_picture

    def asked(*given, **more):
        before(*given, **more)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(files, "write_picture", asked)
    assert restore_in_ranks("in", "out") == [143, 0]
    assert capfd.readouterr().err == "stopped: 2 files restored; --skip-existing goes on\n"
    assert everything("out") == ["a.png", "one.bmp"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["in", "in"], "in: is an input"),
        (["-", "out.png"], "- is one picture, so it takes one process"),
        (["in", "out", "--report", "r.html"], "--report FILE.html shows all pictures, so it takes one process"),
    ],
)
def test_what_cannot_be_is_told_once(line, says, here, restore_in_ranks, capfd):
    """An Error of all is told by the first."""
    codes = restore_in_ranks(*line)
    err = capfd.readouterr().err
    assert codes == [2, "2"]
    assert err.startswith(f"error: {says}")
    assert len(err.splitlines()) == 1


def test_weights_that_one_cannot_read(here, restore_in_ranks, monkeypatch, capfd):
    """The first tells whose; no picture is made."""
    before = api.load

    def load(*given):
        if rank() == 1:
            raise Error("weights: no such file")
        return before(*given)

    monkeypatch.setattr(api, "load", load)
    assert restore_in_ranks("in", "out") == [2, "2"]
    assert ": weights: no such file" in capfd.readouterr().err
    assert not Path("out").exists()


def test_parts_of_a_manifest_are_put_together(tmp_path):
    """Also what a killed run left of them, half lines cut."""
    Manifest(tmp_path, {}).skip(_job(0), [])
    for number in (1, 2):
        Manifest(tmp_path, {}, number).skip(_job(number), [])
    with (tmp_path / OF_RANK.format(1)).open("a") as file:
        file.write('{"input": "hal')
    take_in(tmp_path)
    assert [line["input"] for line in lines_of(tmp_path)] == ["0", "1", "2"]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def _job(number):
    return Job(Path(str(number)), Path("x"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_memory_does_not_grow_with_the_number_of_pictures(here, weights, monkeypatch):
    """10,000 small ones in two processes: each takes less than 10 MB more at its last than at its 500th."""
    Path("many").mkdir()
    for number in range(10_000):
        Path(f"many/{number:05d}.png").write_bytes(encoded(8, 8))
    before, taken = files.write_picture, []

    def write(*given, **more):
        taken.append(resident_bytes())
        before(*given, **more)

    def work():
        model = ["--weights", str(weights / "x1.safetensors"), "--device", "cpu", "--nfe", "1"]
        return execute(["restore", "many", "out", *model]), len(taken), taken[-1] - taken[500]

    monkeypatch.setattr(files, "write_picture", write)
    ends = run_ranks(work, seconds=1500)
    assert [(code, count) for code, count, _ in ends] == [(0, 5000)] * 2
    assert max(grown for *_, grown in ends) < 10e6
    assert len(everything("out")) == 10_000
