"""An evaluation in parts, cut short, gone on with, and held against another one."""

import json
import signal

import pytest
from evaluate_command import make_place, run_evaluate, table

from i2sbkit.evaluating import measuring


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("evaluate"))


@pytest.mark.parametrize("parts", [2, 5])
def test_parts_add_up_to_the_whole(place, capsys, tmp_path, parts):
    """Whichever is last adds up; the others say what is missing, and print nothing."""
    _, whole = table(place, capsys, "--nfe", "2")
    for number in [*range(2, parts + 1)]:
        line = ["--nfe", "2", "--out", tmp_path, "--part", f"{number}/{parts}", "--json"]
        code, out, err = run_evaluate(place, capsys, *line)
        assert (code, out) == (0, "")
        assert "missing: 1" in err
    document, arms = table(place, capsys, "--nfe", "2", "--out", tmp_path, "--part", f"1/{parts}")
    assert document["pictures"] == 12
    for label, arm in whole.items():
        for column, interval in arm["means"].items():
            assert arms[label]["means"][column] == pytest.approx(interval, abs=1e-9)
    lines = [json.loads(line) for line in (tmp_path / "pictures.jsonl").read_text().splitlines()]
    assert [line["number"] for line in lines] == sorted(line["number"] for line in lines)


def test_a_stopped_evaluation_goes_on_where_it_was(place, capsys, tmp_path, monkeypatch):
    """After a signal in the fifth picture the same command does the other seven, and nothing twice."""
    _, whole = table(place, capsys, "--nfe", "2")
    done = []
    start = measuring._start

    def counted(plan, case, tally):
        done.append(case.key)
        if len(done) == 5:
            signal.raise_signal(signal.SIGTERM)
        return start(plan, case, tally)

    monkeypatch.setattr(measuring, "_start", counted)
    code, out, err = run_evaluate(place, capsys, "--nfe", "2", "--out", tmp_path, "--json")
    assert (code, out) == (143, "")
    assert "5 of 12" in err
    with (tmp_path / "part-1-of-1.jsonl").open("a") as file:
        file.write('{"number": 5, "half a li')  # what a kill leaves
    _, arms = table(place, capsys, "--nfe", "2", "--out", tmp_path)
    assert done == [f"k{number:03d}" for number in range(12)]
    for label, arm in whole.items():
        for column, interval in arm["means"].items():
            assert arms[label]["means"][column] == pytest.approx(interval, abs=1e-9)
    assert len((tmp_path / "pictures.jsonl").read_text().splitlines()) == 24


def test_a_folder_holds_one_evaluation(place, capsys, tmp_path):
    """Another one there is refused and told apart; --overwrite begins anew."""
    table(place, capsys, "--nfe", "1", "--count", "2", "--out", tmp_path)
    code, _, err = run_evaluate(place, capsys, "--nfe", "2", "--count", "2", "--out", tmp_path)
    assert code == 2
    assert "holds another evaluation" in err
    assert "'sde nfe 1'" in err
    _, arms = table(place, capsys, "--nfe", "2", "--count", "2", "--out", tmp_path, "--overwrite")
    assert "sde nfe 2" in arms


def test_against_another_evaluation_each_picture_is_compared_with_itself(place, capsys, tmp_path):
    """The difference of means, and a p; equal runs differ by nothing."""
    _, first = table(place, capsys, "--nfe", "1", "--out", tmp_path / "a")
    _, second = table(place, capsys, "--nfe", "4", "--out", tmp_path / "b", "--against", tmp_path / "a")
    found = second["sde nfe 4"]["against"]["psnr_rgb"]
    means = [arm["means"]["psnr_rgb"]["mean"] for arm in (first["sde nfe 1"], second["sde nfe 4"])]
    assert found["difference"]["mean"] == pytest.approx(means[1] - means[0], abs=1e-9)
    assert 0 < found["p"] <= 1
    _, again = table(place, capsys, "--nfe", "1", "--against", tmp_path / "a")
    assert again["sde nfe 1"]["against"]["psnr_rgb"]["p"] == 1
    code, _, err = run_evaluate(place, capsys, "--nfe", "1", "--count", "3", "--against", tmp_path / "a")
    assert code == 2
    assert "other pictures" in err
    code, _, err = run_evaluate(place, capsys, "--against", tmp_path / "gone")
    assert (code, "no finished evaluation" in err) == (2, True)
