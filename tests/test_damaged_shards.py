"""Truncated and bit-flipped shards: training leaves out what is damaged, counts it and says so."""

import pickle
import shutil
import signal
from pathlib import Path

import pytest
from damaged_shards import damaged_shards, flip, place_of
from evaluate_command import make_place, run_evaluate, table
from fake_plugins import message
from photographs import encoded, make_shards, make_tar, picture
from ranks import train_in_ranks
from tiny_training import SHORT, assert_equal_bits, go, log, state
from training_sets import assert_same, samples, take, training_set

from i2sbkit.cli import execute
from i2sbkit.data import training_batches
from i2sbkit.evaluating import measuring
from i2sbkit.kernel.errors import Error
from i2sbkit.sources.shards import open_index, read_pixels
from i2sbkit.sources.skipping import LOUD, Damaged, Skipped
from i2sbkit.stopping import Stopped

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
WHOLE = ["k000", "k001", "k005", "k010", "k011", "k012", "k013", "k014", *(f"k{n:03d}" for n in range(15, 20))]
"""Keys of what can be reached; 11 and 13 cannot be decoded."""


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    return damaged_shards(tmp_path_factory.mktemp("damaged") / "shards")


@pytest.fixture
def here(damaged, tmp_path, monkeypatch):
    """A folder to work in, with the shards in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(damaged, "shards")
    return tmp_path


DATA = (SHORT, "data.train=shards")


def test_what_comes_before_the_damage_of_a_tar_is_taken(damaged):
    """But for the sample next to it, which may lack parts; strictly, and unasked, it is an error."""
    skipped = Skipped()
    assert [sample.key for sample in open_index([damaged], skipped=skipped).samples] == WHOLE
    assert skipped.counts() == {"damaged_shards": 2, "damaged_pictures": 0}
    for strict in (Skipped(strict=True), None):
        with pytest.raises(Damaged, match=r"s-000000\.tar: truncated"):
            open_index([damaged], skipped=strict)


def test_a_pair_that_the_damage_cut_through_is_left_out(tmp_path):
    """The clean picture is there and the degraded one is not: that is no mistake in the data."""
    names = [f"k{n}.{word}png" for n in range(3) for word in ("", "degraded.")]
    shard = make_tar(tmp_path / "s.tar", [(name, encoded(picture(n))) for n, name in enumerate(names)])
    shard.write_bytes(shard.read_bytes()[: place_of(shard, 5).offset + 9])
    assert [sample.key for sample in open_index([shard], True, Skipped()).samples] == ["k0", "k1"]


def test_a_picture_that_is_damaged_is_replaced_by_the_next(damaged):
    """What takes its place follows from the counter: the same from any start, with any workers, in any rank."""
    index = open_index([damaged], skipped=Skipped())
    whole = samples(take(index, 0, 4, 30, strict=False))
    assert_same(samples(take(index, 0, 4, 30, strict=False, workers=2)), whole)
    parts = samples(take(index, 0, 4, 7, strict=False)) | samples(take(index, 28, 4, 23, strict=False))
    ranks = samples(take(index, 0, 4, 30, strict=False, rank=0, world=2))
    ranks |= samples(take(index, 0, 4, 30, strict=False, rank=1, world=2, workers=1))
    for other in (parts, ranks):
        assert_same(other, whole)


def test_the_other_samples_are_those_of_whole_data(tmp_path):
    """Nothing but the damaged pictures' samples changes."""
    make_shards(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shard = tmp_path / "b" / "s-000001.tar"
    flip(shard, place_of(shard, 2).offset_data + 600)
    one, other = (samples(take(open_index([tmp_path / x]), 0, 4, 9, strict=False)) for x in "ab")
    changed = [number for number in one if not bool((one[number][0] == other[number][0]).all())]
    assert len(changed) == 3, "three crops of one picture in an epoch of 36"


def test_batches_say_what_they_found(damaged):
    """Each picture once a process, picklable as a worker must send it."""
    index = open_index([damaged], skipped=Skipped())
    batches = training_batches(training_set(index, strict=False), 0, 4)
    found = [each for _ in range(20) for each in next(batches).damaged]
    assert sorted(each.key for each in found) == ["k011", "k013"]
    again = pickle.loads(pickle.dumps(found[0]))
    assert (str(again), again.place, again.key) == (str(found[0]), found[0].place, found[0].key)


def test_training_counts_and_tells_of_damage_once_a_shard(here, tiny_recipe, capsys):
    """In the result, in the log, and on stderr a line for each shard; it goes on to the bit."""
    result = go(tiny_recipe, here / "whole", *DATA)
    assert (result["damaged_shards"], result["damaged_pictures"]) == (2, 2)
    assert [(line["damaged_shards"], line["damaged_pictures"]) for line in log(here / "whole")] == [(2, 2), (2, 2)]
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert [line.split(": ")[1].split("/")[-1] for line in told] == ["s-000000.tar", "s-000001.tar", "s-000002.tar"]
    assert told[0].endswith("says more; what comes behind is left out")
    assert told[2].endswith("try `i2sbkit shards check`; left out, as is what else is damaged in it")
    go(tiny_recipe, here / "parts", *DATA, "train.iterations=7")
    go(tiny_recipe, here / "parts", *DATA, "data.workers=1")
    assert_equal_bits(state(here / "parts", 20), state(here / "whole", 20))


def test_damage_that_another_process_meets_is_told_of(here, tiny_recipe):
    """Two ranks: the first reports of both, and the tensors are those of one to rounding."""
    done = train_in_ranks(tiny_recipe, here / "two", *DATA)
    assert (done[0]["damaged_shards"], done[0]["damaged_pictures"]) == (2, 2)
    one = go(tiny_recipe, here / "one", *DATA)
    assert done[0]["loss"] == pytest.approx(one["loss"], rel=1e-4)


def test_validation_takes_the_next_pictures(here, tiny_recipe):
    """As many as were asked for; what is damaged is counted."""
    val = ["data.val=shards", "train.val_images=5", "train.iterations=1"]
    result = go(tiny_recipe, here / "run", "data.train=shards/s-000003.tar", *val)
    assert (result["damaged_shards"], result["damaged_pictures"]) == (2, 1)


@pytest.mark.parametrize(
    ("data", "says"), [("shards", "s-000000.tar: truncated"), ("shards/s-000002.tar", "s-000002.tar: k01")]
)
def test_strict_is_an_error(data, says, here, tiny_recipe, capsys):
    """`train --strict` names shard and picture, with exit code 2; so does its plan, of what it looks at."""
    command = ["train", str(tiny_recipe), "--set", f"data.train={data}", "--set", SHORT, "--out", "run", "--strict"]
    assert execute([*command, "--device", "cpu"]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err
    if data == "shards":
        assert execute([*command, "--dry-run"]) == 2
        assert execute([*command[:-1], "--dry-run"]) == 0


def test_nothing_but_damage_is_an_error(tmp_path, tiny_recipe):
    """No shard that can be opened, or no picture that can be decoded: there is nothing to go on with."""
    (tmp_path / "no.tar").write_bytes(b"no tar" * 999)
    assert "no pictures in" in message(go, tiny_recipe, tmp_path / "run", SHORT, f"data.train={tmp_path}/no.tar")
    make_tar(tmp_path / "bad.tar", [(f"k{n}.png", b"bad") for n in range(3)])
    data = f"data.train={tmp_path}/bad.tar"
    assert "none of 3 photographs can be decoded" in message(go, tiny_recipe, tmp_path / "run", SHORT, data)
    val = f"data.val={tmp_path}/bad.tar"
    assert "none of the photographs to validate with" in message(go, tiny_recipe, tmp_path / "run", val)


def test_what_is_told_has_an_end(tmp_path, capsys):
    """Of thousands of broken files in a folder the first are named; control characters are escaped."""
    skipped = Skipped()
    for number in range(1000):
        skipped.add(Damaged(f"{tmp_path}/{number}\n.png", "k", "not a readable picture"))
    assert skipped.counts() == {"damaged_shards": 0, "damaged_pictures": 1000}
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == LOUD + 1
    assert lines[0].startswith(rf"warning: {tmp_path}/0\n.png: k: not a readable")
    assert lines[-1] == "warning: more is damaged, which is only counted"


def test_what_cannot_be_read_is_not_damage(damaged, tmp_path):
    """A disk that fails may not fail another time: to go on without would be another training."""
    shard = Path(shutil.copy(damaged / "s-000003.tar", tmp_path))
    (sample, *_) = open_index([shard]).samples
    shard.unlink()
    with pytest.raises(Error, match="cannot be read") as caught:
        read_pixels(sample)
    assert not isinstance(caught.value, Damaged)


def test_stopped_goes_through_a_pipe():
    """What another process raised has its words and its exit code here too."""
    stopped = pickle.loads(pickle.dumps(Stopped("stopped at step 3", 15)))
    assert (str(stopped), stopped.exit_code) == ("stopped at step 3", 143)


def test_an_evaluation_leaves_out_what_is_damaged(here, capsys):
    """And says how many; in parts, and where it goes on, the numbers are the same. Strictly it is an error."""
    make_place(here)
    line, how = ("--nfe", "1"), {"data": "shards"}
    whole, arms = table(here, capsys, *line, **how)
    assert whole["pictures"] == 11
    assert "2 of 13 pictures are damaged and left out." in whole["notes"]
    assert run_evaluate(here, capsys, *line, "--out", "out", "--part", "1/2", **how)[0] == 0
    for _ in range(2):
        parts, by_label = table(here, capsys, *line, "--out", "out", "--part", "2/2", **how)
        assert parts["pictures"] == 11
        for label, arm in arms.items():
            for column, interval in arm["means"].items():
                assert by_label[label]["means"][column] == pytest.approx(interval, abs=1e-9)
    code, _, err = run_evaluate(here, capsys, *line, "--strict", **how)
    assert code == 2
    assert "s-000000.tar: truncated" in err


def test_an_evaluation_that_was_stopped_goes_on_behind_the_damage(here, capsys, monkeypatch):
    """Nothing is measured twice, and what was passed over is not taken for a picture that is done."""
    make_place(here)
    done, start = [], measuring._start

    def counted(plan, case, tally):
        done.append(case.key)
        if len(done) == 6:
            signal.raise_signal(signal.SIGTERM)
        return start(plan, case, tally)

    monkeypatch.setattr(measuring, "_start", counted)
    how = {"data": "shards"}
    assert run_evaluate(here, capsys, "--nfe", "1", "--out", "out", **how)[0] == 143
    found, _ = table(here, capsys, "--nfe", "1", "--out", "out", **how)
    assert found["pictures"] == 11
    assert sorted(done) == sorted(set(WHOLE) - {"k011", "k013"})


def test_restore_goes_on_unless_strictly(here, capsys):
    """A damaged shard and damaged pictures are reported, with exit code 1; strictly the first is an error."""
    make_place(here)
    line = ["restore", "shards", "--weights", "x1.safetensors", "--nfe", "1", "--device", "cpu"]
    assert execute([*line[:2], "out", *line[2:]]) == 1
    told = capsys.readouterr().err
    assert told.count("failed: ") == 4
    assert sorted(path.name for path in (here / "out").glob("*.tar")) == ["s-000002.tar", "s-000003.tar"]
    assert execute([*line[:2], "strict", *line[2:], "--strict"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: shards/s-000000.tar: truncated")
    assert told.endswith("; without --strict the others go on")
    assert not list((here / "strict").glob("*.tar"))
