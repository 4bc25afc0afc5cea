"""What `evaluate`, `compare` and `tune` say is so: what is compared with what, of how many pictures, and how surely."""

import json
import shutil
import signal

import pytest
from evaluate_command import make_place, run_evaluate, table
from photographs import encoded, make_folder, make_shards, picture
from pictures import photo
from tiny_networks import scripted
from working_weights import OT_ODE, SDE, working_weights

import i2sbkit
from i2sbkit.cli import execute
from i2sbkit.evaluating import evaluation, measuring
from i2sbkit.evaluating.means import Differences, difference
from i2sbkit.evaluating.planning import Wanted
from i2sbkit.evaluating.tuning import grid
from i2sbkit.shipped import bundled

MIXTURE = 'mixture:of=[{name="jpeg",quality=10},{name="inpaint",shape="center"}]'
SETS = ("--metrics", "frechet_tiny", "--nfe", "1")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def nothing_is_measured(monkeypatch):
    monkeypatch.setattr(evaluation, "measure_together", lambda *_: pytest.fail("measured before it was refused"))


def told(capsys, *line):
    code = execute([*map(str, line), "--device", "cpu"])
    return code, *capsys.readouterr()


# Against another evaluation


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["--count", "3"], "other pictures"),
        (["--count", "4", "--size", "16"], "Crop"),
        (["--count", "4", "--nfe", "2,3", "--sampler", "sde,dbim"], "none of sde nfe 2"),
        (["--count", "4", "--metrics", "psnr_y"], "none of these columns"),
        (["--count", "4", "--out", "{a}", "--overwrite"], "replaced and compared"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_the_work(place, capsys, tmp_path, line, says, request):
    table(place, capsys, "--nfe", "1,4", "--count", "4", "--out", tmp_path)
    request.getfixturevalue("nothing_is_measured")
    line = ["--against", tmp_path, "--nfe", "1", *[text.format(a=tmp_path) for text in line]]
    code, out, err = run_evaluate(place, capsys, *line)
    assert (code, out) == (2, "")
    assert says in err


def test_another_damage_is_noted_beside_the_comparison(place, capsys, tmp_path):
    table(place, capsys, "--nfe", "1", "--count", "4", "--out", tmp_path)
    line = ["--nfe", "1", "--count", "4", "--against", tmp_path]
    document, _ = table(place, capsys, *line, "--corruption", "jpeg:quality=90")
    assert any("Damage was jpeg(quality=20" in note and "jpeg(quality=90" in note for note in document["notes"])
    for same in ([], ["--corruption", "jpeg:quality=20"]):
        document, _ = table(place, capsys, *line, *same)
        assert not any("Damage" in note for note in document["notes"])


def test_two_perfect_results_do_not_differ_and_one_is_told_of():
    assert difference(float("inf"), float("inf")) == 0
    differences = Differences(("a",))
    for key, value in enumerate((1.0, difference(float("inf"), 30.0), 2.0)):
        differences.add(str(key), {"a": value})
    assert (differences.left_out, differences.against()["a"].difference.mean) == ({"a": 1}, 1.5)


# Few pictures, and those that lack a value


@pytest.mark.parametrize(("count", "says"), [(1, "no intervals"), (3, "Intervals of 3 pictures are narrower")])
def test_few_pictures_are_told_of(place, capsys, count, says):
    code, _, err = run_evaluate(place, capsys, "--count", count, "--nfe", "1")
    assert (code, says in err) == (0, True)


def test_a_column_of_some_pictures_says_of_how_many(place, capsys, tmp_path):
    """Of a mixture's pictures the inpainted ones have a consistency, those of JPEG none."""
    document, _ = table(place, capsys, "--nfe", "1", "--out", tmp_path, "--corruption", MIXTURE)
    rows = [json.loads(line) for line in (tmp_path / "pictures.jsonl").read_text().splitlines()]
    count = sum("consistency" in row for row in rows)
    assert 0 < count < 12
    assert f"consistency: only {count} of 12 pictures have a value." in document["notes"]


# Sets


@pytest.mark.parametrize("damage", ["jpeg:quality=10", MIXTURE])
def test_a_page_needs_no_column_that_every_picture_has(place, capsys, tmp_path, damage):
    line = ["--features", scripted(tmp_path), *SETS, "--report", tmp_path / "page.html", "--corruption", damage]
    code, _, err = run_evaluate(place, capsys, *line)
    assert code == 0, err
    assert "Frechet tiny" in (tmp_path / "page.html").read_text("utf-8")


def test_draws_do_not_make_a_set_larger(place, capsys, tmp_path):
    """Distances depend on the number of pictures: the first draw of each counts, as without the others."""
    line = ["--features", scripted(tmp_path), *SETS, "--nfe", "4"]
    one, three = (table(place, capsys, *line, "--samples", samples)[1] for samples in (1, 3))
    assert one["sde nfe 4"]["sets"] == three["sde nfe 4"]["sets"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["--count", "1"], "two pictures"),
        (["--reference", "{one}"], "one picture is no set"),
        (["--reference", "gone"], "gone"),
        (["--metrics", "psnr_rgb,percep_tiny", "--reference", "{one}"], "only sets"),
    ],
)
def test_sets_that_are_none_are_refused_before_the_work(place, capsys, tmp_path, line, says, nothing_is_measured):
    one = make_folder(tmp_path / "one", ["a.png"])
    line = ["--features", scripted(tmp_path), *SETS, *[text.format(one=one) for text in line]]
    code, out, err = run_evaluate(place, capsys, *line)
    assert (code, out, says in err) == (2, "", True), err


def test_features_that_cannot_be_kept_are_used_all_the_same(place, capsys, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("I2SBKIT_CACHE", str(tmp_path / "file"))
    line = ["--features", scripted(tmp_path), *SETS, "--reference", place / "data"]
    code, out, err = run_evaluate(place, capsys, *line)
    assert (code, "FRECHET_TINY" in out, "not kept for another time" in err) == (0, True, True)


# compare


def test_folders_without_a_finite_difference_are_compared_all_the_same(capsys, tmp_path):
    for name, file in (("a", "x.png"), ("b", "x.png")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(encoded(picture(1)))
    make_folder(tmp_path / "c", ["x.png"])
    code, out, err = told(capsys, "compare", tmp_path / "a", tmp_path / "b", "--against", tmp_path / "c")
    assert code == 0, err
    assert out.splitlines()[-1].split() == ["p", "-", "1.0000"]


def test_a_name_stays_on_its_line_in_a_comparison(capsys, tmp_path):
    for name in ("a", "b"):
        make_folder(tmp_path / name, ["\x1b[31mr\ne.png"])
    code, out, _ = told(capsys, "compare", tmp_path / "a", tmp_path / "b")
    assert code == 0
    assert len(out.splitlines()) == 3  # one picture has no interval
    assert "\x1b" not in out
    code, out, err = told(capsys, "compare", tmp_path / "a", tmp_path / "b", "--metrics", "ms_ssim_y")
    assert (code, "\x1b" not in err) == (2, True)


# tune


@pytest.fixture
def tuned(tmp_path):
    (tmp_path / "data").mkdir()
    photo(48, 48).save(tmp_path / "data/a.png")
    shutil.copy(bundled()["sr4x"], tmp_path / "w.safetensors")
    return tmp_path


def tune(place, capsys, *line):
    return told(capsys, "tune", "--weights", place / "w.safetensors", "--data", place / "data", "--size", "24", *line)


@pytest.mark.parametrize("out", ["data", "w.safetensors/copy.safetensors"])
def test_where_weights_cannot_go_is_seen_before_the_work(tuned, capsys, out, nothing_is_measured):
    code, _, err = tune(tuned, capsys, "--nfe", "1", "--out", tuned / out, "--overwrite")
    assert (code, "Traceback" in err) == (2, False)


def test_weights_stay_whole_where_tuning_is_stopped(tuned, capsys, monkeypatch):
    before = (tuned / "w.safetensors").read_bytes()
    shutil.copy(tuned / "data/a.png", tuned / "data/b.png")
    start = measuring._start
    monkeypatch.setattr(measuring, "_start", lambda *given: signal.raise_signal(signal.SIGINT) or start(*given))
    code, out, err = tune(tuned, capsys, "--nfe", "1", "--sampler", "sde")
    assert (code, out, "1 of 2" in err) == (130, "", True)
    assert (tuned / "w.safetensors").read_bytes() == before


def test_what_was_measured_is_shown_though_nothing_is_kept(tmp_path, capsys):
    make_shards(tmp_path / "data", counts=(2,))
    working_weights(tmp_path / "w.safetensors", "corruption.quality=90")
    code, out, err = tune(tmp_path, capsys, "--nfe", "1", "--sampler", "sde")
    assert (code, "nothing is kept" in err, "sde nfe 1" in out) == (2, True, True)


@pytest.mark.parametrize("kind", [(), SDE, OT_ODE])
def test_a_schedule_of_few_steps_is_tuned_with_fewer(tmp_path, kind):
    path = working_weights(tmp_path / "w.safetensors", *kind, "schedule.steps=6", "sampler.nfe=2")
    assert grid(i2sbkit.load(path, "cpu"), Wanted(["x"])).nfes == (1, 2, 3, 5)
