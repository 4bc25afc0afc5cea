"""`i2sbkit evaluate` in several processes: each measures its share, and one tells of all what one alone would."""

import json
import os
import signal
from pathlib import Path

import pytest
from evaluate_command import SMALL, make_place
from photographs import encoded, make_tar, picture
from ranks import rank, run_ranks

from i2sbkit.cli import execute
from i2sbkit.evaluating import measuring

TWO = ["--nfe", "2"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("evaluate"))


def line(place, *words):
    return ["evaluate", "--weights", str(place / "x1.safetensors"), "--device", "cpu", *SMALL, *map(str, words)]


def together(place, *words, data="data", size=2):
    """How each of the processes ended."""
    return run_ranks(lambda: execute(line(place, "--data", place / data, *words)), size)


def alone(place, capfd, *words):
    capfd.readouterr()
    assert execute(line(place, "--data", place / "data", *words)) == 0
    return capfd.readouterr()


def untimed(text):
    """A document without what the clock tells."""
    document = json.loads(text)
    return {**document, "arms": [{**arm, "seconds": None} for arm in document["arms"]]}


def numbers_of(folder):
    rows = [json.loads(text) for text in Path(folder, "pictures.jsonl").read_text().splitlines()]
    return [{**row, "seconds": None} for row in rows]


def assert_alike(one, two):
    """Everything is the same but the last digit of sums."""
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        one, two = list(one.values()), list(two.values())
    if isinstance(one, list):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_alike(a, b)
    else:
        assert two == (pytest.approx(one, rel=1e-13) if isinstance(one, float) else one)


@pytest.mark.parametrize("size", [2, 3])
def test_one_document_that_is_the_one_of_one_process(size, place, capfd):
    """Numbers to 1e-13, exit code, stdout and notes; told once."""
    out, err = alone(place, capfd, *TWO, "--json")
    assert together(place, *TWO, "--json", size=size) == [0] * size
    both = capfd.readouterr()
    assert_alike(untimed(out), untimed(both.out))
    assert both.err == err


def test_the_numbers_of_each_picture(place, capfd, tmp_path):
    """In a folder: those of one process, each once, in order; the page and the table are written by one."""
    alone(place, capfd, *TWO, "--out", tmp_path / "one")
    page = tmp_path / "page.html"
    assert together(place, *TWO, "--out", tmp_path / "two", "--report", page) == [0, 0]
    assert numbers_of(tmp_path / "two") == numbers_of(tmp_path / "one")
    assert page.stat().st_size
    assert capfd.readouterr().out.count("PSNR_RGB") == 1


@pytest.mark.parametrize("at", [0, 1])
def test_after_a_kill_nothing_is_done_twice_and_nothing_is_missing(at, place, capfd, tmp_path, monkeypatch):
    """kill -9 of either in its fourth picture, with states after each: the same command does the rest."""
    monkeypatch.setattr(measuring, "SAVE_EVERY", 0.0)
    before, done = measuring._start, tmp_path / "done"
    monkeypatch.setattr(measuring, "_start", lambda plan, case, tally: _noted(before, done, plan, case, tally))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "_measure", _killing(measuring._measure, at))
        codes = together(place, *TWO, "--out", tmp_path / "two")
    assert codes[at] == str(-signal.SIGKILL)
    assert codes[1 - at] == 2
    assert "another process of this run has ended" in capfd.readouterr().err or at == 0
    assert together(place, *TWO, "--out", tmp_path / "two") == [0, 0]
    assert sorted(done.read_text().split()) == [f"k{number:03d}" for number in range(12)]
    alone(place, capfd, *TWO, "--out", tmp_path / "one")
    assert numbers_of(tmp_path / "two") == numbers_of(tmp_path / "one")


def _noted(before, done, plan, case, tally):
    with done.open("a") as file:
        file.write(f"{case.key}\n")
    return before(plan, case, tally)


def _killing(before, at):
    def measured(plan, group, tally):
        if rank() == at and tally.pictures == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return before(plan, group, tally)

    return measured


@pytest.mark.parametrize("at", [0, 1])
def test_one_that_fails_ends_all(at, place, capfd, tmp_path):
    """One message names the picture; the other does not go on to its end."""
    files = [(f"k{number:03d}.png", encoded(picture(number))) for number in range(40)]
    files[at] = (files[at][0], b"broken")
    make_tar(place / f"broken-{at}.tar", files)
    codes = together(place, *TWO, "--strict", "--out", tmp_path / "out", data=f"broken-{at}.tar")
    assert codes == [2, "2"]
    err = capfd.readouterr().err
    assert f"k{at:03d}: not a readable picture" in err
    assert len(err.splitlines()) == 1
    assert len((tmp_path / f"out/part-{2 - at}-of-2.jsonl").read_text().splitlines()) < 40
    assert not (tmp_path / "out/results.json").exists()


def test_a_signal_to_one_stops_all(place, capfd, tmp_path, monkeypatch):
    """Each ends with the picture under way; one says how many are done of all, and the same command goes on."""
    before = measuring._measure

    def asked(plan, group, tally):
        if rank() == 1 and tally.pictures == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return before(plan, group, tally)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "_measure", asked)
        codes = together(place, *TWO, "--out", tmp_path / "two")
    assert codes == [130, "130"]
    err = capfd.readouterr().err
    assert err.startswith("stopped after ")
    assert err.endswith(" of 12 pictures\n")
    assert together(place, *TWO, "--out", tmp_path / "two") == [0, 0]
    assert len(numbers_of(tmp_path / "two")) == 24


def test_fewer_pictures_than_processes(place, capfd):
    """One has nothing to do: said, and no failure."""
    out, _ = alone(place, capfd, "--nfe", "1", "--count", "1", "--json")
    assert together(place, "--nfe", "1", "--count", "1", "--json") == [0, 0]
    both = capfd.readouterr()
    assert_alike(untimed(out), untimed(both.out))
    assert both.err == "warning: 1 pictures for 2 processes: the others have nothing to do\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--size", "23", "--corruption", "superres:scale=2"], "has scale 2"),
        (["--metrics", "nothing"], "nothing"),
        (["--part", "1/2", "--out", "x"], "torchrun"),
    ],
)
def test_what_cannot_be_is_told_by_the_first(words, says, place, capfd, tmp_path, monkeypatch):
    """And all end."""
    monkeypatch.chdir(tmp_path)
    assert together(place, *words)[0] == 2
    assert says in capfd.readouterr().err


def test_another_number_of_processes_is_another_division(place, capfd, tmp_path):
    """Refused in a folder that is half done, in a line; --overwrite begins anew."""
    assert together(place, "--nfe", "1", "--count", "4", "--out", tmp_path / "a") == [0, 0]
    assert together(place, "--nfe", "1", "--count", "4", "--out", tmp_path / "a", size=3) == [2, "2", "2"]
    assert "parts was '2', now '3'" in capfd.readouterr().err
    assert together(place, "--nfe", "1", "--count", "4", "--out", tmp_path / "a", "--overwrite", size=3) == [0, 0, 0]
    assert len(numbers_of(tmp_path / "a")) == 8
