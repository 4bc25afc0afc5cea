"""`manifest.jsonl`: a line a file, whatever became of it and whatever it is called."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from restore_command import everything, run_restore
from working_weights import working_weights

from i2sbkit.jobs import manifest
from i2sbkit.jobs.manifest import Manifest
from i2sbkit.jobs.outcomes import Outcome
from i2sbkit.jobs.running import Made


def lines_of(folder):
    return [json.loads(line) for line in Path(folder, "manifest.jsonl").read_bytes().decode().splitlines()]


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_manifest(here, restore, weights):
    """A line a file: what became of it, by what, and the hash of what was written."""
    Path("in/bad.png").write_text("x")
    assert restore("in", "out", "--seed", 7, "--nfe", 3)[0] == 1
    lines = {line["input"]: line for line in lines_of("out")}
    assert set(lines) == {f"in/{name}" for name in everything("in")}
    good, bad = lines["in/a.png"], lines["in/bad.png"]
    assert good["output"] == "out/a.png"
    assert good["sha256"] == sha256("out/a.png")
    assert (good["seed"], good["nfe"], good["sampler"]) == (7, 3, "sde")
    assert good["weights"] == str(weights / "x1.safetensors")
    assert good["weights_sha256"] == sha256(weights / "x1.safetensors")
    assert good["megapixels"] == pytest.approx(40 * 32 / 1e6)
    assert good["seconds"] > 0
    assert (good["status"], good["error"], good["more"]) == ("done", None, {})
    assert (bad["status"], bad["output"], bad["sha256"]) == ("failed", None, None)
    assert bad["error"].startswith("in/bad.png: not a")


def test_the_manifest_has_all_that_made_the_picture(here, capsys, tmp_path):
    """The sampler's options, and of what else was asked or told that which applies."""
    working_weights(Path("inpaint.safetensors"), name="inpaint")
    line = ["--sampler", "ode:spacing=karras", "--nfe", 3, "--mask", "in/a.png"]
    asked = ["--consistency", "ddnm", "--tile", 0, "--mask-color", "#ff00fe", "--feather", 2, "--force"]
    for out, more in (("plain", []), ("asked", asked)):
        code, _, err = run_restore(tmp_path, capsys, ["in/a.png", out, *line, *more], "inpaint")
        assert code == 0, err
    (plain,), (made,) = lines_of("plain"), lines_of("asked")
    assert (plain["nfe"], plain["sampler"]) == (3, "ode")
    assert plain["sampler_options"] == {"nfe": 3, "spacing": "karras"}
    assert (plain["precision"], plain["mask"]) == ("fp32", "in/a.png")
    more = {"consistency": "ddnm", "tile": 0, "force": True, "mask_color": "#ff00fe", "feather": 2}
    assert made.items() >= more.items()
    assert plain.keys() == made.keys() - more.keys()


def test_a_kernel_brings_its_consistency_into_the_manifest(here, capsys, tmp_path):
    working_weights(Path("blur.safetensors"), name="blur")
    line = ["in/a.png", "out", "--nfe", 1, "--kernel", "gaussian:9:2.5"]
    code, _, err = run_restore(tmp_path, capsys, line, "blur")
    assert code == 0, err
    (made,) = lines_of("out")
    assert (made["kernel"], made["consistency"]) == ("gaussian:9:2.5", "ddnm")


def test_an_option_that_json_has_no_word_for_is_text(tmp_path):
    """Of a plugin's sampler, say: the line is written all the same."""
    facts = {"sampler_options": {"span": float("inf"), "path": Path("a")}}
    Manifest(tmp_path, facts).add(outcome_of("a"), Made([], 0))
    assert [line["sampler_options"] for line in lines_of(tmp_path)] == [{"span": None, "path": "a"}]


def test_the_manifest_goes_on(here, restore):
    """A second run appends; what is skipped is told too."""
    assert restore("in/a.png", "out")[0] == 0
    assert restore("in", "out", "--skip-existing")[0] == 0
    states = [(line["input"], line["status"]) for line in lines_of("out")]
    assert states[:2] == [("in/a.png", "done"), ("in/a.png", "skipped")]
    assert [state for _, state in states[2:]] == ["done"] * 3


def test_the_manifest_names_all_that_was_written(here, restore):
    """Further draws and what lies beside them are in `more`, with their hashes."""
    assert restore("in/a.png", "out", "--samples", 2, "--spread")[0] == 0
    (line,) = lines_of("out")
    assert line["output"] == "out/a.1.png"
    assert line["more"] == {f"out/a.{name}.png": sha256(f"out/a.{name}.png") for name in ("2", "spread")}


def test_the_manifest_is_no_picture(here, restore):
    """A folder of results can be restored again; one file that is restored to another brings no manifest."""
    assert restore("in", "out")[0] == 0
    code, out, _ = restore("out", "again")
    assert (code, len(out.splitlines())) == (0, 4)
    assert restore("in/a.png", "single/a.png")[0] == 0
    assert not Path("single/manifest.jsonl").exists()


def outcome_of(name):
    return Outcome(name, [], 0.1, 0.0, "bad")


def test_the_manifest_is_json_whatever_files_are_called(tmp_path):
    """Line breaks and bytes that are no UTF-8 are escaped: a line stays a line."""
    name = os.fsdecode(b"caf\xe9\n\xc3\xbc.png")
    Manifest(tmp_path, {}).add(outcome_of(name), Made([], 0))
    assert [line["input"] for line in lines_of(tmp_path)] == [name]


def test_a_half_line_is_cut(tmp_path):
    """What a killed run left behind the last line break is gone; whole lines stay."""
    Path(tmp_path, "manifest.jsonl").write_text('{"input": "a"}\n{"inp')
    Manifest(tmp_path, {}).add(outcome_of("b"), Made([], 0))
    assert [line["input"] for line in lines_of(tmp_path)] == ["a", "b"]


def test_a_manifest_that_cannot_be_written(here, restore, monkeypatch):
    """Is said once, on one line; the pictures are restored."""
    Path("out/manifest.jsonl").mkdir(parents=True)
    code, out, err = restore("in", "out")
    assert (code, len(out.splitlines())) == (0, 4)
    assert err.count("\n") == 1
    assert err.startswith("warning: out/manifest.jsonl: cannot be written")


def test_the_weights_hash_is_the_files(tmp_path):
    """As `sha256sum` prints it."""
    Path(tmp_path, "x").write_bytes(b"abc")
    assert manifest.sha256_of(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("last", ['{"input": "a"}', '{"mine": 1', "my own words"])
def test_a_last_line_without_a_break_stays(tmp_path, last):
    """Only the beginning of one of our lines is cut; what is whole, or the user's, gets a line break."""
    Path(tmp_path, "manifest.jsonl").write_text("{}\n" + last)
    Manifest(tmp_path, {}).add(outcome_of("b"), Made([], 0))
    lines = Path(tmp_path, "manifest.jsonl").read_text().splitlines()
    assert lines[:2] == ["{}", last]
    assert json.loads(lines[2])["input"] == "b"


def test_no_manifest_is_written_through_a_link(here, restore):
    """Refused in a line before anything is restored; what it leads to stays."""
    Path("mine.txt").write_text("mine")
    Path("out").mkdir()
    Path("out/manifest.jsonl").symlink_to("../mine.txt")
    code, out, err = restore("in", "out")
    assert (code, out) == (2, "")
    assert err.startswith("error: out/manifest.jsonl: is a link")
    assert (Path("mine.txt").read_text(), everything("out")) == ("mine", [])
