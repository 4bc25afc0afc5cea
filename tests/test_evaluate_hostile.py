"""`evaluate`, `compare` and `tune` in careless and hostile hands: told in a line, before the work, and nothing lost."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
from evaluate_command import make_place, run_evaluate, table
from photographs import encoded, make_folder, make_tar, picture
from PIL import Image
from safetensors import SafetensorError
from working_weights import working_weights

from i2sbkit import Error
from i2sbkit.checkpoint import read_weights, write_weights
from i2sbkit.evaluating import evaluation, folder
from i2sbkit.evaluating.folder import Folder
from i2sbkit.files import atomic
from i2sbkit.part_text import part_of

SETTINGS = dict.fromkeys(("Weights", "Arms", "Columns"), "x")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def nothing_is_measured(monkeypatch):
    monkeypatch.setattr(evaluation, "measure_together", lambda *_: pytest.fail("measured before it was refused"))


# The folder


def test_overwrite_removes_only_what_an_evaluation_made(place, capsys, tmp_path):
    table(place, capsys, "--count", "2", "--out", tmp_path)
    for name in ("pictures.zip", "part-1-of-8.tar"):
        (tmp_path / name).write_text("mine")
    table(place, capsys, "--count", "3", "--out", tmp_path, "--overwrite")
    assert {(tmp_path / name).read_text() for name in ("pictures.zip", "part-1-of-8.tar")} == {"mine"}


@pytest.mark.parametrize("name", ["pictures.csv", "results.json", "settings.json"])
@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_files_of_others_are_never_replaced(place, capsys, tmp_path, name, flags, nothing_is_measured):
    (tmp_path / name).write_text("{}")
    code, _, err = run_evaluate(place, capsys, "--out", tmp_path, *flags)
    assert (code, (tmp_path / name).read_text()) == (2, "{}")
    assert f"{name} is not of an evaluation" in err


def test_results_of_before_do_not_outlive_their_pictures(place, capsys, tmp_path, monkeypatch):
    table(place, capsys, "--count", "2", "--out", tmp_path)
    monkeypatch.setattr(evaluation, "measure_together", lambda *_: (_ for _ in ()).throw(Error("no")))
    assert run_evaluate(place, capsys, "--count", "3", "--out", tmp_path, "--overwrite")[0] == 2
    assert not list(tmp_path.glob("results.*"))


def test_one_part_may_not_overwrite_the_others(place, capsys, tmp_path):
    code, _, err = run_evaluate(place, capsys, "--out", tmp_path, "--part", "1/2", "--overwrite")
    assert (code, "all parts" in err) == (2, True)


def test_a_part_belongs_to_one_process_and_leaves_the_others_files_alone(tmp_path):
    """Another part may be writing at any moment: what it has not finished is not swept away."""
    first, second = (Folder(tmp_path, SETTINGS, part, 2, 1) for part in (1, 2))
    with first.opened(overwrite=False, alone=False), atomic(tmp_path / "part-1-of-2.safetensors") as unfinished:
        with second.opened(overwrite=False, alone=False):
            assert unfinished.exists()
        with pytest.raises(Error, match="another process"), first.opened(overwrite=False, alone=False):
            pass


def test_what_a_kill_left_is_swept_where_nobody_else_works(tmp_path):
    (tmp_path / ".i2sbkit-0.tmp").touch()
    with Folder(tmp_path, SETTINGS, 1, 1, 1).opened(overwrite=False):
        assert not (tmp_path / ".i2sbkit-0.tmp").exists()


def test_lost_numbers_are_noticed(place, capsys, tmp_path):
    table(place, capsys, "--count", "3", "--out", tmp_path)
    lines = (tmp_path / "part-1-of-1.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "part-1-of-1.jsonl").write_text("".join(lines[:4]))
    code, _, err = run_evaluate(place, capsys, "--count", "3", "--out", tmp_path)
    assert (code, "4 of 6" in err) == (2, True)


def test_parts_may_run_on_several_devices_of_one_kind(place, capsys, tmp_path):
    line = ["--count", "2", "--nfe", "1", "--out", tmp_path]
    assert run_evaluate(place, capsys, *line, "--part", "1/2")[0] == 0
    assert run_evaluate(place, capsys, *line, "--part", "2/2", "--device", "cpu:0")[0] == 0


def test_a_full_disk_is_told_in_a_line(place, capsys, tmp_path, monkeypatch):
    def full(*_):
        raise SafetensorError("No space left on device")

    monkeypatch.setattr(folder, "save_file", full)
    code, out, err = run_evaluate(place, capsys, "--count", "1", "--out", tmp_path)
    assert (code, out, "No space left" in err) == (2, "", True)


# Names


def test_hostile_names_stay_data(place, capsys, tmp_path):
    """Line breaks, markup, formulas for spreadsheets and what is no UTF-8, in every file that is written."""
    names = [b"a\nb.png", b"=1+1.png", b"<img src=x>.png", b"\xff.png", "\u00fc.png".encode()]
    (tmp_path / "data").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "data" / os.fsdecode(name)).write_bytes(encoded(picture(number)))
    shutil.copy(place / "x1.safetensors", tmp_path)
    line = ["--nfe", "1", "--out", tmp_path / "out", "--report", tmp_path / "page.html"]
    table(tmp_path, capsys, *line)
    with (tmp_path / "out/pictures.csv").open(newline="", encoding="utf-8") as file:
        keys = {row["key"] for row in csv.DictReader(file)}
    assert keys == {"a\nb", "'=1+1", "<img src=x>", "\\udcff", "\u00fc"}
    kept = {json.loads(text)["key"] for text in (tmp_path / "out/pictures.jsonl").read_text().splitlines()}
    assert kept == {os.fsdecode(name)[:-4] for name in names}
    assert "<img src=x>" not in (tmp_path / "page.html").read_text("utf-8")


def test_equal_keys_in_two_shards_are_two_pictures(place, capsys, tmp_path):
    """Their signs are flipped apart: of two pictures that both changed for the worse half of all flips are as far."""
    (tmp_path / "data").mkdir()
    for shard in (1, 2):
        make_tar(tmp_path / f"data/{shard}.tar", [("same.png", encoded(picture(shard)))])
    shutil.copy(place / "x1.safetensors", tmp_path)
    table(tmp_path, capsys, "--nfe", "1", "--out", tmp_path / "a")
    _, arms = table(tmp_path, capsys, "--nfe", "3", "--against", tmp_path / "a")
    assert arms["sde nfe 3"]["against"]["psnr_rgb"]["p"] == pytest.approx(0.5, abs=0.05)


# What does not go together


def test_a_size_must_fit_the_scale(place, capsys, tmp_path):
    working_weights(tmp_path / "sr.safetensors", name="sr4x")
    (tmp_path / "data").symlink_to(place / "data")
    code, _, err = run_evaluate(tmp_path, capsys, "--size", "22", kind="sr")
    assert (code, "multiple of 4" in err) == (2, True)


def test_another_damage_is_not_claimed_where_the_data_brings_its_own(place, capsys, tmp_path):
    """Pairs are refused; given masks make way."""
    make_folder(tmp_path / "pairs/clean", ["a.png"])
    make_folder(tmp_path / "pairs/degraded", ["a.png"])
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.full((24, 24), 255, np.uint8)).save(tmp_path / "masks/all.png")
    working_weights(tmp_path / "pairs.safetensors", "data.paired=true", "data.train=x", "data.val=[]")
    working_weights(tmp_path / "masks.safetensors", f"data.masks={tmp_path}/masks", name="inpaint")
    shutil.copytree(place / "data", tmp_path / "data")
    code, _, err = run_evaluate(tmp_path, capsys, "--corruption", "jpeg:quality=10", kind="pairs", data="pairs")
    assert (code, "pairs" in err) == (2, True)
    line = ["--nfe", "1", "--count", "2"]
    _, own = table(tmp_path, capsys, *line, kind="masks")
    _, other = table(tmp_path, capsys, *line, "--corruption", "inpaint:shape=center", kind="masks")
    assert own["input"]["means"]["psnr_rgb"]["mean"] + 1 < other["input"]["means"]["psnr_rgb"]["mean"]


def test_pictures_that_are_no_numbers_are_not_measured(place, capsys, tmp_path):
    weights = read_weights(place / "x1.safetensors")
    broken = {name: tensor * float("nan") for name, tensor in weights.tensors.items()}
    write_weights(tmp_path / "nan.safetensors", broken, weights.recipe)
    (tmp_path / "data").symlink_to(place / "data")
    code, _, err = run_evaluate(tmp_path, capsys, "--count", "1", kind="nan")
    assert (code, "not finite" in err) == (2, True)


def test_an_eta_that_no_sampler_has_is_refused(place, capsys, nothing_is_measured):
    """As `restore` refuses it; beside a sampler that has one, the others go without."""
    for line in (["--eta", "0.5"], ["--eta", "0.5", "--sampler", "sde,ode", "--force"]):
        code, _, err = run_evaluate(place, capsys, *line)
        assert (code, "--eta: no such option of sde" in err) == (2, True), err


@pytest.mark.parametrize("option", ["--metrics", "--nfe", "--sampler", "--eta"])
def test_an_empty_list_is_no_default(place, capsys, option, nothing_is_measured):
    code, _, err = run_evaluate(place, capsys, option, " , ")
    assert (code, "empty" in err) == (2, True)


@pytest.mark.parametrize("text", [f"jpeg:quality={'[' * 5000}", "jpeg:quality=10\nsubsampling=1"])
def test_part_texts_that_are_no_values_are_told(text):
    with pytest.raises(Error, match="corruption 'jpeg"):
        part_of("corruption", text)
