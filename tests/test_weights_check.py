"""`i2sbkit weights check`: bundled weights are what was published, and any file can be restored from."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from tiny_weights import fake_state, tiny_recipe, tiny_weights

from i2sbkit import shipped
from i2sbkit.checkpoint import build_network, read_tensors, save
from i2sbkit.cli import execute

BUNDLED = shipped.WEIGHTS


def check(capsys, *arguments):
    """The exit code of the command and what it prints as JSON."""
    code = execute(["weights", "check", "--json", *map(str, arguments)])
    return code, json.loads(capsys.readouterr().out)


def sum_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of bundled weights with their list: `jpeg` and `blur`."""
    folder = tmp_path / "shelf"
    monkeypatch.setattr(shipped, "WEIGHTS", folder)
    for task in ("blur", "jpeg"):
        tiny_weights(folder / f"{task}.safetensors")
    (folder / "SHA256SUMS").write_text("".join(f"{sum_of(p)}  {p.name}\n" for p in folder.glob("*.safetensors")))
    return folder


def test_the_bundled_weights_are_whole(capsys):
    """Those in this very checkout: all listed in SHA256SUMS, all as it says."""
    assert set(shipped.published_sums()) == set(shipped.bundled().values()) != set()
    code, found = check(capsys)
    assert code == 0
    assert [Path(each["file"]) for each in found] == list(shipped.bundled().values())
    assert all(each["published"] and each["problem"] is None for each in found)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_the_sums_are_those_of_sha256sum():
    """Whoever has no i2sbkit can check the files with `sha256sum -c SHA256SUMS`."""
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=BUNDLED, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_bundled_file_that_was_changed_is_told(shelf, capsys):
    """Though it is whole otherwise: exit code 1, one line with what to do; the others are checked all the same."""
    tiny_weights(shelf / "jpeg.safetensors", step=4)
    for arguments in ([], ["blur", "jpeg"], [shelf / "blur.safetensors", shelf / "jpeg.safetensors"]):
        code, (blur, jpeg) = check(capsys, *arguments)
        assert code == 1
        assert (blur["published"], blur["problem"]) == (True, None)
        assert jpeg["published"] is False
        assert "not the file that was published" in jpeg["problem"]
    assert execute(["weights", "check"]) == 1
    out, err = capsys.readouterr()
    whole, broken = out.splitlines()
    assert whole == f"{shelf / 'blur.safetensors'}: whole, as published, sha256 {blur['sha256']}"
    assert "pip install --force-reinstall" in broken
    assert err == "1 of 2 files are not whole\n"


def test_a_bundled_file_that_is_gone_is_told(shelf, capsys):
    """What the list has and the folder lacks is missing; what the list lacks was not published."""
    (shelf / "jpeg.safetensors").rename(shelf / "other.safetensors")
    code, found = check(capsys)
    assert code == 1
    problems = {Path(each["file"]).name: each["problem"] for each in found}
    assert problems["blur.safetensors"] is None
    assert "missing; pip install" in problems["jpeg.safetensors"]
    assert "not the file that was published" in problems["other.safetensors"]


@pytest.mark.parametrize("text", [None, "nonsense\n", "abc  jpeg.safetensors\n"])
def test_without_a_list_of_sums_nothing_is_called_whole(text, shelf, capsys):
    """Missing or damaged it is an error that says how to get it."""
    (shelf / "SHA256SUMS").unlink() if text is None else (shelf / "SHA256SUMS").write_text(text)
    assert execute(["weights", "check"]) == 2
    assert "SHA256SUMS: " in (err := capsys.readouterr().err)
    assert "pip install --force-reinstall" in err


def test_a_file_of_ones_own_is_checked_but_for_a_known_sum(shelf, tmp_path, capsys):
    """Weights and training states; the sum is printed."""
    mine = tiny_weights(tmp_path / "mine.safetensors")
    net = build_network(tiny_recipe()).state_dict()
    tensors = {f"{group}/{name}": tensor.clone() for name, tensor in net.items() for group in ("net", "ema")}
    state = tmp_path / "state-00000009.safetensors"
    save(state, {**tensors, "opt/0/exp_avg": torch.ones(2)}, {"kind": "state", "recipe": tiny_recipe().document})
    code, found = check(capsys, mine, state)
    assert code == 0
    for path, each in zip((mine, state), found, strict=True):
        assert each == {"file": str(path), "sha256": sum_of(path), "published": None, "problem": None, "tuned": False}
    assert execute(["weights", "check", str(mine)]) == 0
    assert capsys.readouterr().out == f"{mine}: whole, sha256 {sum_of(mine)}\n"


def poisoned(path, number):
    """Weights with this number in one of their tensors."""
    tensors = read_tensors(tiny_weights(path))
    next(iter(tensors.values())).view(-1)[0] = number
    save(path, tensors, {"kind": "weights", "recipe": tiny_recipe().document})


def cut(path):
    path.write_bytes(tiny_weights(path).read_bytes()[:-100])


def without_plugin(path):
    foggy = {**tiny_recipe().document, "corruption": {"name": "fog"}}
    header = {"kind": "weights", "recipe": foggy, "plugins": {"corruption": "i2sbkit-fog 9.9"}}
    save(path, read_tensors(tiny_weights(path)), header)


def of_another_recipe(path):
    wrong = {**tiny_recipe().document, "sampler": {"name": "sde", "nfe": 0, "eta": 1}}
    save(path, read_tensors(tiny_weights(path)), {"kind": "weights", "recipe": wrong})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (cut, "not a readable safetensors file"),
        (lambda path: path.write_text("hello"), "not a readable safetensors file"),
        (lambda path: save(path, {"w": torch.zeros(1)}, {"kind": "weights"}), "header is damaged"),
        (lambda path: poisoned(path, float("nan")), "holds infinity or nan; export an earlier state"),
        (lambda path: poisoned(path, float("inf")), "holds infinity or nan"),
        (fake_state, "does not fit the network of its recipe"),
        (of_another_recipe, "sampler.eta: unknown key"),
        (without_plugin, "pip install i2sbkit-fog==9.9"),
    ],
)
def test_what_cannot_be_restored_from_is_told(damage, says, shelf, tmp_path, capsys):
    """Cut short, no weights, a damaged header, numbers that are none, another network, a plugin that is not there."""
    path, well = tmp_path / "mine.safetensors", tiny_weights(tmp_path / "well.safetensors")
    damage(path)
    code, (bad, good) = check(capsys, path, well)
    assert code == 1
    assert bad["problem"].startswith(f"{path}: ")
    assert says in bad["problem"]
    assert "\n" not in bad["problem"]
    assert good["problem"] is None
    assert execute(["weights", "check", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == f"{bad['problem']}\n"
    assert err == "1 of 1 files are not whole; copy or export your own again\n"


def test_what_is_not_there_is_a_mistake_in_the_command(shelf, capsys):
    """An unknown name is told before anything is checked: exit code 2."""
    assert execute(["weights", "check", "blur", "jpge"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "did you mean 'jpeg'" in err
