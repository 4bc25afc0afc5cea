"""`i2sbkit weights`: list and info; weights found by name."""

import json
from pathlib import Path

import pytest
import torch
from pictures import photo
from tiny_weights import fake_state, tiny_recipe, tiny_weights

from i2sbkit import shipped
from i2sbkit.checkpoint import build_network, read_header, read_tensors, save, write_weights
from i2sbkit.cli import execute
from i2sbkit.kernel.errors import Error
from i2sbkit.shipped import WEIGHTS, bundled, find_weights


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """The folder of bundled weights, empty."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setattr(shipped, "WEIGHTS", folder)
    return folder


def test_bundled_weights_are_found_by_task(shelf):
    """The file name is the task; a path is a path."""
    assert bundled() == {}
    jpeg, blur = tiny_weights(shelf / "jpeg.safetensors"), tiny_weights(shelf / "blur.safetensors")
    assert bundled() == {"blur": blur, "jpeg": jpeg}
    assert find_weights("jpeg") == jpeg
    assert find_weights(jpeg) == find_weights(str(jpeg)) == jpeg


def test_a_task_comes_before_a_file(shelf, tmp_path, monkeypatch):
    """What "jpeg" means never depends on what lies in the current folder."""
    jpeg = tiny_weights(shelf / "jpeg.safetensors")
    monkeypatch.chdir(tmp_path)
    Path("jpeg").write_text("not these")
    assert find_weights("jpeg") == jpeg


def test_a_path_is_never_a_task(shelf, tmp_path, monkeypatch):
    """A `Path`, or a text with a separator in it: a run folder that bears the name of a task, as recipes do."""
    tiny_weights(shelf / "jpeg.safetensors")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Error, match=r"no weights 'jpeg'; the bundled task is --task jpeg, in Python the text 'jpeg'"):
        find_weights(Path("jpeg"))
    own = tiny_weights(Path("jpeg/weights.safetensors"))
    for path in (Path("jpeg"), "./jpeg", "jpeg/", own, str(own)):
        assert find_weights(path) == own


@pytest.mark.parametrize("command", ["restore a.png b.png", "evaluate --data .", "tune --data ."])
def test_the_option_weights_takes_paths_and_task_takes_names(shelf, tmp_path, monkeypatch, capsys, command):
    """`--weights jpeg` are those in the folder jpeg, not the task's; `--task ./jpeg` is none."""
    (shelf / "jpeg.safetensors").write_text("damaged")
    monkeypatch.chdir(tmp_path)
    photo(16, 16).save("a.png")
    Path("jpeg").mkdir()
    for path in ("jpeg", "./jpeg", "jpeg/"):
        assert execute([*command.split(), "--weights", path]) == 2
        assert "jpeg: a folder without weights.safetensors" in capsys.readouterr().err
    for name in ("./jpeg", "jpeg/", str(shelf / "jpeg.safetensors")):
        assert execute([*command.split(), "--task", name]) == 2
        assert f"Invalid value for '--task': no task '{name}'" in capsys.readouterr().err


def test_unknown_weights_say_what_there_is(shelf, tmp_path):
    """A misspelt task is answered with the near one and the list; a folder with what is not in it."""
    with pytest.raises(Error, match=r"no weights 'jpge': .* \(there are: none\)"):
        find_weights("jpge")
    tiny_weights(shelf / "jpeg.safetensors")
    with pytest.raises(Error, match=r"'jpge'; did you mean 'jpeg'\?: .* \(there are: jpeg\)"):
        find_weights("jpge")
    with pytest.raises(Error, match=r"a folder without weights\.safetensors; training writes it every"):
        find_weights(shelf)


def test_list_describes_the_bundled_weights(shelf, capsys):
    """Task, corruption with options, sampler, nfe, size, licence, metrics: read off the headers."""
    path = tiny_weights(shelf / "jpeg.safetensors", licence="CC0-1.0", metrics={"psnr": 30.5})
    assert execute(["weights", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {
        "task": "jpeg",
        "file": str(path),
        "size_mb": round(path.stat().st_size / 1e6, 2),
        "parameters": sum(p.numel() for p in build_network(tiny_recipe()).state_dict().values()),
        "stored_as": ["F32"],
        "corruption": {"name": "jpeg", "quality": 10, "subsampling": "4:2:0"},
        "sampler": "sde",
        "nfe": 2,
        "licence": "CC0-1.0",
        "metrics": {"psnr": 30.5},
    }
    assert execute(["weights", "list"]) == 0
    header, line, measured = capsys.readouterr().out.splitlines()
    assert header.startswith("TASK")
    for part in ("jpeg(quality=10, subsampling=4:2:0)", "sde", "CC0-1.0"):
        assert part in line
    assert measured.strip() == "measured: psnr 30.5"


def test_list_fits_into_a_hundred_columns(shelf, capsys):
    """A mixture has a line for each of its parts, many numbers have several; so do the weights that are bundled."""
    numbers = {f"psnr_nfe{nfe}": 30.12 for nfe in (1, 2, 3, 5, 10, 20)}
    recipe = tiny_recipe(name="blur")
    write_weights(shelf / "mixed.safetensors", build_network(recipe).state_dict(), recipe, metrics=numbers)
    for path in WEIGHTS.glob("*.safetensors"):
        (shelf / path.name).symlink_to(path)
    assert execute(["weights", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert {line.split("  ")[0] for line in lines} >= {"blur", "jpeg", "mixed"}
    assert list(map(str.strip, lines)).count("blur(kernel=gaussian, sigma=[0.6, 10.0], size=[5, 21])") == 2
    assert sum(line.count("psnr_nfe") for line in lines) == 6


def test_list_of_nothing(shelf, capsys):
    """Without bundled weights stdout stays empty (or an empty list), and stderr says so."""
    assert execute(["weights", "list"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no bundled weights" in err
    assert execute(["weights", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_info_shows_the_whole_header(shelf, capsys):
    """By task or file: facts and recipe, readable; the header as it is under --json."""
    path = tiny_weights(shelf / "jpeg.safetensors", licence="CC0-1.0", metrics={"psnr": 30.5})
    for name in ("jpeg", str(path)):
        assert execute(["weights", "info", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["header"] == read_header(path)
    assert execute(["weights", "info", "jpeg"]) == 0
    out = capsys.readouterr().out
    for fact in ("CC0-1.0", "psnr 30.5", "step", "[backbone]", 'name = "compact"', "[train]", "iterations = 200"):
        assert fact in out


def test_info_of_a_state_counts_its_network_alone(tmp_path, capsys):
    """A training state can be asked too; moments and averages are no parameters."""
    path = fake_state(tmp_path / "state-00000009.safetensors")
    assert execute(["weights", "info", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["header"]["kind"] == "state"
    assert found["parameters"] == 5


@pytest.mark.parametrize("command", [["info"], ["export", "--out", "x.safetensors"]])
def test_unreadable_weights_are_an_error(command, tmp_path, monkeypatch, capsys):
    """Not there, not safetensors, not ours, a header that lacks its recipe: exit code 2, one line, nothing written."""
    monkeypatch.chdir(tmp_path)
    Path("text.safetensors").write_text("hello")
    save(Path("bare.safetensors"), {"w": torch.zeros(1)}, {"kind": "weights"})
    for name in ("missing.safetensors", "text.safetensors", "bare.safetensors"):
        assert execute(["weights", *command, name]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert name in err
    assert not Path("x.safetensors").exists()


def test_info_cannot_drive_the_terminal(tmp_path, capsys):
    """Whatever a header holds, keys and recipe too, each text stays on its line and is printable."""
    evil = "x\x1b[2J\x9b2J\n\u202ey"
    path = tiny_weights(tmp_path / "w.safetensors")
    header = read_header(path)
    header["recipe"]["sampler"][evil] = header["recipe"]["log"][evil] = evil
    save(path, read_tensors(path), {**header, evil: evil, "licence": evil, "metrics": {evil: evil}})
    assert execute(["weights", "info", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.count("[2J") == 9
    assert all(line.isprintable() for line in out.split("\n"))
