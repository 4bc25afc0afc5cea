"""Publishing: a run, a state or weights become a file for others."""

import json
from pathlib import Path

import pytest
import torch
from tiny_weights import fake_state, tiny_recipe, tiny_weights

from i2sbkit import shipped
from i2sbkit.checkpoint import read_header, read_tensors, read_weights, save
from i2sbkit.cli import execute
from i2sbkit.kernel.errors import Error
from i2sbkit.publishing import export, summary


@pytest.fixture
def run(tmp_path):
    """A run folder, its recipe full of somebody's absolute paths."""
    paths = [f'data.train=["{tmp_path}/secret/a.tar", "b/c.tar"]', f"data.val={tmp_path}/secret/val-*.tar"]
    tiny_weights(tmp_path / "run" / "weights.safetensors", *paths, f"train.init={tmp_path}/secret/w.safetensors")
    return tmp_path / "run"


def test_export_of_a_run_restores_as_before(run, tmp_path, capsys):
    """The network, its recipe's maths, steps and data are those of the run."""
    out = tmp_path / "jpeg.safetensors"
    assert execute(["weights", "export", str(run), "--out", str(out), "--licence", "CC0-1.0"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    before, after = read_weights(run / "weights.safetensors"), read_weights(out)
    assert before.tensors.keys() == after.tensors.keys()
    assert all(torch.equal(tensor, after.tensors[name]) for name, tensor in before.tensors.items())
    after.build()
    assert after.header["licence"] == "CC0-1.0"
    assert (after.header["step"], after.header["data"]) == (3, "d1")
    for section in ("corruption", "schedule", "bridge", "backbone", "sampler", "log"):
        assert before.header["recipe"][section] == after.header["recipe"][section]


def test_export_leaks_no_paths(run, tmp_path):
    """Of paths in the recipe only file names are published: nowhere in the file is a folder of the author."""
    assert str(tmp_path).encode() in (run / "weights.safetensors").read_bytes()
    out = tmp_path / "jpeg.safetensors"
    export(run, out)
    written = out.read_bytes()
    assert str(tmp_path).encode() not in written
    assert b"secret" not in written
    recipe = read_header(out)["recipe"]
    assert recipe["data"]["train"] == ["a.tar", "c.tar"]
    assert recipe["data"]["val"] == "val-*.tar"
    assert recipe["train"]["init"] == "w.safetensors"


def test_export_of_windows_paths(tmp_path):
    """A recipe written on Windows leaks nothing either."""
    source = tiny_weights(tmp_path / "a.safetensors", r"data.train='C:\Users\eve\a.tar'")
    export(source, tmp_path / "b.safetensors")
    assert read_header(tmp_path / "b.safetensors")["recipe"]["data"]["train"] == "a.tar"


def test_export_of_a_state_takes_the_averages(tmp_path):
    """Averaged parameters and the network's buffers, without optimiser; a weights file with the state's step."""
    out = tmp_path / "early.safetensors"
    export(fake_state(tmp_path / "state-00000009.safetensors"), out)
    tensors = read_tensors(out)
    assert tensors.keys() == {"w", "counted"}
    assert torch.equal(tensors["w"], torch.ones(2, 2))
    assert torch.equal(tensors["counted"], torch.tensor(7))
    header = read_header(out)
    assert (header["kind"], header["step"], header["data"]) == ("weights", 9, "d2")
    assert "scaler" not in header
    assert "ema_updates" not in header


def test_export_of_half_precision(run, tmp_path):
    """--half stores float16, integers as they are; it loads as float32."""
    out = tmp_path / "half.safetensors"
    facts = export(run, out, half=True)
    assert facts["stored_as"] == ["F16"]
    before, after = read_tensors(run / "weights.safetensors"), read_tensors(out)
    assert all(torch.equal(tensor.half(), after[name]) for name, tensor in before.items())
    assert all(parameter.dtype == torch.float32 for parameter in read_weights(out).build().parameters())
    export(fake_state(tmp_path / "state-1.safetensors"), tmp_path / "ints.safetensors", half=True)
    assert read_tensors(tmp_path / "ints.safetensors")["counted"].dtype == torch.int64


@pytest.mark.parametrize("number", [1e5, float("nan")])
def test_half_precision_does_not_overflow_in_silence(number, tmp_path):
    """A weight that float16 cannot hold is an error, and nothing is written."""
    source, out = tmp_path / "big.safetensors", tmp_path / "half.safetensors"
    document = tiny_recipe().document
    save(source, {"layer.w": torch.tensor([1.0, number])}, {"kind": "weights", "recipe": document})
    with pytest.raises(Error, match=r"'layer\.w' .* without --half"):
        export(source, out, half=True)
    assert not out.exists()


def test_export_with_another_default_sampler(run, tmp_path, capsys):
    """--sampler and --nfe replace the recipe's defaults; what is not said is kept."""
    out = tmp_path / "o.safetensors"
    for options, wanted in [
        (["--nfe", "5"], {"name": "sde", "nfe": 5, "spacing": "uniform"}),
        (["--sampler", "ode"], {"name": "ode", "nfe": 2, "spacing": "uniform"}),
        (
            ["--sampler", "dbim", "--nfe", "7"],
            {"name": "dbim", "nfe": 7, "eta": 0.0, "order": 1, "spacing": "uniform"},
        ),
    ]:
        assert execute(["weights", "export", str(run), "--out", str(out), "--overwrite", "--json", *options]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert (facts["sampler"], facts["nfe"]) == (wanted["name"], wanted["nfe"])
        assert read_header(out)["recipe"]["sampler"] == wanted


MEASURED = {"psnr_rgb": 30.5}


@pytest.mark.parametrize(
    ("asked", "kept"),
    [({}, True), ({"half": True}, True), ({"sampler": "sde", "nfe": 2}, True), ({"sampler": "sde:nfe=2"}, True),
     ({"nfe": 5}, False), ({"sampler": "ode"}, False), ({"sampler": "sde:spacing=karras"}, False)],
)  # fmt: skip
def test_what_was_measured_goes_with_the_sampler_that_it_was_measured_with(asked, kept, run, tmp_path):
    """Another sampler, or as many evaluations as were not measured: nothing is said of what it reaches."""
    path = run / "weights.safetensors"
    save(path, read_tensors(path), {**read_header(path), "metrics": MEASURED})
    assert export(run, tmp_path / "o.safetensors", **asked)["metrics"] == (MEASURED if kept else None)


@pytest.mark.parametrize("half", [True, False])
def test_sums_of_the_file_before_are_not_those_of_the_copy(half, run, tmp_path):
    """`i2sbkit tune` keeps them for `weights check`; what else it found is true of the copy too."""
    path = run / "weights.safetensors"
    tuned = {"column": "psnr_rgb", "sha256_before": "a", "tensors_sha256": "b"}
    save(path, read_tensors(path), {**read_header(path), "tuned": tuned})
    export(run, tmp_path / "o.safetensors", half=half)
    assert read_header(tmp_path / "o.safetensors")["tuned"] == {"column": "psnr_rgb"}


def test_export_checks_the_sampler(run, tmp_path, capsys):
    """An unknown sampler is told as the option's mistake; nothing is written."""
    out = tmp_path / "o.safetensors"
    assert execute(["weights", "export", str(run), "--out", str(out), "--sampler", "sda"]) == 2
    err = capsys.readouterr().err
    assert "--sampler sda: sampler.name: " in err
    assert "did you mean" in err
    assert not out.exists()


def test_export_refuses_a_sampler_that_does_not_fit(tmp_path):
    """Weights of an OT-ODE bridge are not published with a stochastic sampler."""
    source = tiny_weights(tmp_path / "a.safetensors", "bridge.ot_ode=true", "sampler.name=ode")
    with pytest.raises(Error, match="take --sampler ode"):
        export(source, tmp_path / "b.safetensors", sampler="sde")
    export(source, tmp_path / "b.safetensors")


def test_export_does_not_overwrite(run, tmp_path, capsys):
    """What exists stays, unless --overwrite; then it may be the source itself."""
    out = tmp_path / "o.safetensors"
    out.write_text("precious")
    assert execute(["weights", "export", str(run), "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "precious"
    export(run, out, overwrite=True)
    export(out, out, half=True, overwrite=True)
    assert summary(out)["stored_as"] == ["F16"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.safetensors", "run"]


def test_export_wants_the_suffix(run, tmp_path):
    """Only *.safetensors are found again, so other names are refused with the right one."""
    with pytest.raises(Error, match=r"name it .*jpeg\.safetensors"):
        export(run, tmp_path / "jpeg")


def test_export_of_a_folder_without_weights(tmp_path):
    """A run that has not saved yet says what is missing."""
    with pytest.raises(Error, match=r"a folder without weights\.safetensors; .*save_every"):
        export(tmp_path, tmp_path / "o.safetensors")


def test_export_of_bundled_weights(tmp_path, monkeypatch):
    """A task can be exported, even where a folder of its name lies about."""
    tiny_weights(tmp_path / "shelf" / "jpeg.safetensors")
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path / "shelf")
    monkeypatch.chdir(tmp_path)
    Path("jpeg").mkdir()
    assert export("jpeg", Path("mine.safetensors"))["task"] == "mine"
