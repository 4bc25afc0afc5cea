"""The scripts in examples run as they stand, in a folder that holds what a checkout does."""

import runpy
from pathlib import Path

import pytest
from PIL import Image

import i2sbkit

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a script by its name; what it prints."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    def run(name):
        runpy.run_path(f"examples/{name}.py", run_name="__main__")
        return capsys.readouterr().out

    return run


def code_lines(path):
    """Those after the docstring, but for imports and blank ones."""
    _, _, code = path.read_text("utf-8").split('"""', 2)
    return [line for line in code.splitlines() if line.strip() and not line.startswith(("import ", "from "))]


def test_each_is_run_here():
    """One test a script, and each script says how to call it."""
    assert [path.stem for path in SCRIPTS] == ["compare_samplers", "custom_schedule", "restore_in_five", "train_in_ten"]
    for path in SCRIPTS:
        assert f"python examples/{path.name}" in path.read_text("utf-8").split('"""')[1]


def test_restore_in_five(run):
    """Five lines, imports included, from a file to a file."""
    run("restore_in_five")
    with Image.open("examples/jpeg/typewriter.jpg") as damaged, Image.open("restored.png") as restored:
        assert restored.size == damaged.size
        assert restored.tobytes() != damaged.tobytes()
    assert len(code_lines(ROOT / "examples/restore_in_five.py")) + 2 == 5


def test_train_in_ten(run, monkeypatch):
    """Ten lines with its imports; here it is trained for four steps, then restores."""
    shorter = ["train.iterations=4", "train.val_images=1", "data.workers=0"]
    load = i2sbkit.load_recipe
    monkeypatch.setattr(i2sbkit, "load_recipe", lambda name, overrides: load(name, [*overrides, *shorter]))
    assert run("train_in_ten").startswith("4 steps, 64 images")
    assert Path("restored.png").is_file()
    assert Path("runs/ten/weights.safetensors").is_file()
    assert len(code_lines(ROOT / "examples/train_in_ten.py")) + 4 <= 10


def test_compare_samplers(run):
    """A row a sampler; with one evaluation all of them give the same, which is better than the file."""
    head, _, *rows = run("compare_samplers").splitlines()
    found = [[float(value) for value in row[13:].split()] for row in rows]
    assert [len(row) for row in found] == [4, 4, 4, 4]
    assert len({row[0] for row in found}) == 1
    assert found[0][0] > float(head.split()[-2])
    assert len({row[2] for row in found}) > 1


def test_custom_schedule(run):
    """The network that it trains in seconds sharpens a photograph it never saw."""
    before, after = (float(word) for word in run("custom_schedule").split() if word[0].isdigit())
    assert after > before + 0.2
