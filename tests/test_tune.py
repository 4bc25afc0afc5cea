"""`i2sbkit tune`: what is worth its time is measured, kept in the weights, and taken up by `restore --effort`."""

import json
import shutil

import pytest
import torch
from photographs import make_shards
from pictures import photo
from working_weights import OT_ODE, SDE, working_weights

import i2sbkit
from i2sbkit import shipped
from i2sbkit.checkpoint import read_header, read_tensors, save
from i2sbkit.cli import execute
from i2sbkit.evaluating.arms import ways
from i2sbkit.evaluating.planning import Wanted
from i2sbkit.evaluating.tuning import ETAS, Tuned, grid
from i2sbkit.jobs.manifest import sha256_of
from i2sbkit.restoring import Settings
from i2sbkit.results.evaluation import Arm, ArmResult, Interval, Results
from i2sbkit.shipped import bundled


@pytest.fixture
def place(tmp_path):
    """Two small photographs, and a copy of the bundled weights `sr4x`."""
    for name in ("lake-sherburne", "beacon-street-sunset"):
        (tmp_path / "data").mkdir(exist_ok=True)
        photo(48, 48, name).save(tmp_path / f"data/{name}.png")
    shutil.copy(bundled()["sr4x"], tmp_path / "w.safetensors")
    return tmp_path


def tune(place, capsys, *line, weights="w.safetensors"):
    code = execute(
        ["tune", "--weights", str(place / weights), "--data", str(place / "data"), "--size", "48", "--device", "cpu",
         *map(str, line)]
    )  # fmt: skip
    out, err = capsys.readouterr()
    return code, out, err


def results(*rows, given=20.0, higher=True):
    """Results of arms (nfe, seconds, quality)."""
    arms = [ArmResult(Arm(), None, {"psnr_rgb": Interval(given, given, given)})]
    arms += [ArmResult(Arm("sde", {"nfe": n}), s, {"psnr_rgb": Interval(q, q, q)}) for n, s, q in rows]
    return Results(4, {"psnr_rgb": higher}, tuple(arms))


def test_efforts_are_the_fastest_the_knee_and_the_best():
    tuned = Tuned.of(
        results((1, 0.1, 22.0), (2, 0.2, 24.0), (5, 0.5, 24.1), (10, 1.0, 24.2), (20, 2.0, 24.0)), "psnr_rgb"
    )
    efforts = tuned.efforts()
    assert {name: effort["sampler"]["nfe"] for name, effort in efforts.items()} == {
        "fast": 1,
        "balanced": 2,
        "best": 10,
    }
    assert efforts["best"] == {"sampler": {"name": "sde", "nfe": 10}, "seconds": 1.0, "psnr_rgb": 24.2}
    assert tuned.marks == {"sde nfe 1": "fast", "sde nfe 2": "balanced", "sde nfe 10": "best"}


def test_of_lower_is_better_columns_the_least_is_best():
    tuned = Tuned.of(results((1, 0.1, 3.0), (5, 0.5, 2.0), given=4.0, higher=False), "psnr_rgb")
    assert tuned.efforts()["best"]["sampler"]["nfe"] == 5


def test_a_hundredth_of_a_decibel_is_not_worth_waiting_for():
    assert Tuned.of(results((1, 0.1, 22.0), (9, 0.9, 22.009)), "psnr_rgb").efforts()["best"]["sampler"]["nfe"] == 1


def test_of_samplers_that_give_the_same_the_weights_own_is_taken_whatever_the_clock_says():
    """With one evaluation all samplers agree; which one was timed fastest is chance."""
    own, *_ = results((1, 0.2, 22.0)).arms[1:]
    other = ArmResult(Arm("dbim", {"nfe": 1}), 0.1, own.means)
    given = results((1, 0.2, 22.0)).arms[0]
    tuned = Tuned.of(Results(4, {"psnr_rgb": True}, (given, own, other)), "psnr_rgb")
    assert {effort["sampler"]["name"] for effort in tuned.efforts().values()} == {"sde"}


def test_where_nothing_is_better_than_the_input_nothing_is_kept():
    assert Tuned.of(results((1, 0.1, 19.0)), "psnr_rgb").efforts() == {}


SR4X = ("--corruption", "superres:scale=4,filter=bicubic", "--sampler", "sde,dbim", "--nfe", "1,2")


def test_efforts_go_into_the_header_and_nothing_else_changes(place, capsys):
    header, tensors = read_header(place / "w.safetensors"), read_tensors(place / "w.safetensors")
    code, out, err = tune(place, capsys, *SR4X, "--json")
    assert code == 0, err
    document = json.loads(out)
    found = read_header(place / "w.safetensors")
    assert found["efforts"] == document["efforts"]
    assert list(found["efforts"]) == ["balanced", "best", "fast"]
    assert found["tuned"]["pictures"] == 2
    assert {key: found[key] for key in header if key not in ("efforts", "tuned")} == {
        key: value for key, value in header.items() if key not in ("efforts", "tuned")
    }
    after = read_tensors(place / "w.safetensors")
    assert all(torch.equal(after[name], tensor) for name, tensor in tensors.items())


def test_an_effort_restores_with_its_sampler(place, capsys):
    """In Python and on the command line; with a sampler of one's own beside it, it is an error."""
    assert tune(place, capsys, *SR4X)[0] == 0
    path = place / "w.safetensors"
    best = read_header(path)["efforts"]["best"]["sampler"]
    model = i2sbkit.load(path, "cpu")
    image = photo(48, 48)
    options = {key: value for key, value in best.items() if key in ("nfe", "eta")}
    assert model.restore(image, effort="best") == model.restore(image, sampler=best["name"], **options)
    with pytest.raises(i2sbkit.Error, match="either it or those"):
        model.restore(image, effort="best", nfe=2)
    line = ["restore", str(place / "data"), str(place / "out"), "--weights", str(path), "--device", "cpu"]
    assert execute([*line, "--effort", "fast"]) == 0
    assert len(list((place / "out").glob("*.png"))) == 2
    assert execute([*line, "--effort", "hasty"]) == 2


def test_bundled_weights_that_were_tuned_are_still_the_published_ones(place, capsys, monkeypatch):
    """Twice tuned in place; but not where a number of theirs was changed too."""
    path = place / "sr4x.safetensors"
    shutil.copy(bundled()["sr4x"], path)
    (place / "SHA256SUMS").write_text(f"{sha256_of(path)}  sr4x.safetensors\n")
    monkeypatch.setattr(shipped, "WEIGHTS", place)
    (place / "w.safetensors").unlink()
    for _ in range(2):
        assert tune(place, capsys, *SR4X, weights="sr4x.safetensors")[0] == 0
        assert execute(["weights", "check"]) == 0
        assert "sr4x.safetensors: whole, as published, tuned since, sha256 " in capsys.readouterr().out
    weights = i2sbkit.load(path, "cpu").weights
    name = next(iter(weights.tensors))
    save(path, {**weights.tensors, name: weights.tensors[name] + 1}, weights.header)
    assert execute(["weights", "check"]) == 1


def test_weights_that_were_never_tuned_say_how(tmp_path, capsys):
    path = working_weights(tmp_path / "new.safetensors")
    with pytest.raises(i2sbkit.Error, match=r"knows no efforts yet.*i2sbkit tune --weights .*new.safetensors"):
        i2sbkit.load(path, "cpu").restore(photo(16, 16), effort="best")


def test_a_copy_may_be_written_instead(place, capsys):
    before = (place / "w.safetensors").read_bytes()
    assert tune(place, capsys, *SR4X, "--out", place / "copy.safetensors")[0] == 0
    assert (place / "w.safetensors").read_bytes() == before
    assert read_header(place / "copy.safetensors")["efforts"]
    code, _, err = tune(place, capsys, *SR4X, "--out", place / "copy.safetensors")
    assert (code, "--overwrite" in err) == (2, True)


def test_where_nothing_gets_better_the_weights_stay_as_they_are(tmp_path, capsys):
    """A network of noise makes pictures worse."""
    make_shards(tmp_path / "data", counts=(2,))
    path = working_weights(tmp_path / "w.safetensors", "corruption.quality=90")
    before = path.read_bytes()
    code, _, err = tune(tmp_path, capsys, "--nfe", "1", "--size", "24")
    assert code == 2
    assert "nothing is kept" in err
    assert path.read_bytes() == before


def test_by_default_only_samplers_that_fit_are_tried(tmp_path):
    """No stochastic ones on an OT-ODE, no ode on an SDE; the weights' own first."""
    for kind, wanted in ((SDE, ["sde"]), (OT_ODE, ["ode"]), ((), ["sde", "dbim"])):
        model = i2sbkit.load(working_weights(tmp_path / "w.safetensors", *kind), "cpu")
        assert list(grid(model, Wanted(["x"])).samplers)[: len(wanted)] == wanted


def test_an_eta_is_tried_of_samplers_that_have_it_and_asked_of_no_others(tmp_path):
    model = i2sbkit.load(working_weights(tmp_path / "w.safetensors"), "cpu")
    assert grid(model, Wanted(["x"], samplers=["sde"])).etas == ()
    assert grid(model, Wanted(["x"], samplers=["sde", "dbim:order=2"])).etas == ETAS
    with pytest.raises(i2sbkit.Error, match="--eta: no such option of sde"):
        ways(model, Settings(), ["sde"], [1], [0.5])


def test_efforts_are_kept_with_their_conditions_and_others_are_warned_of(place, capsys):
    """`weights info` says under which they were found, and `restore --effort` where it restores under another."""
    path = place / "sr.safetensors"
    shutil.copy(bundled()["sr4x"], path)
    line = ["--sampler", "sde", "--nfe", "1", "--consistency", "cddb:0.3", "--tile", "0"]
    code, _, err = tune(place, capsys, *line, weights=path.name)
    assert code == 0, err
    assert execute(["weights", "info", str(path)]) == 0
    said = capsys.readouterr().out
    for condition in ("told_the_damage no", "consistency cddb:0.3", "precision fp32", "tiles whole pictures"):
        assert condition in said
    line = ["restore", str(place / "data"), str(place / "out"), "--weights", str(path), "--device", "cpu"]
    assert execute([*line, "--effort", "fast"]) == 0
    assert "efforts were found with consistency cddb:0.3, and this is with none" in capsys.readouterr().err
    same = ["--overwrite", "--consistency", "cddb:0.3"]
    for chosen in (["--effort", "fast"], ["--nfe", "1"]):
        assert execute([*line, *same, *chosen]) == 0
        assert "efforts" not in capsys.readouterr().err


def test_the_front_is_plotted_and_the_page_marks_the_picks(place, capsys):
    code, out, err = tune(place, capsys, *SR4X, "--report", place / "page.html")
    assert code == 0, err
    assert "seconds a picture" in out
    assert "EFFORT" in out
    assert "balanced" in (place / "page.html").read_text("utf-8")
