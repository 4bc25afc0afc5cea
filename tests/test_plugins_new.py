"""`i2sbkit plugins new`: a distribution that works as it was written, or nothing."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fake_plugins import corruption, install
from plugin_projects import put_on

from i2sbkit import scaffolding
from i2sbkit.cli import execute
from i2sbkit.kernel.errors import Error
from i2sbkit.kernel.plugins import PARTS
from i2sbkit.scaffolding import new_plugin

ROOT = Path(__file__).parent.parent
DIT = "i2sbkit-dit"
NAMES = {
    "corruption": "i2sbkit-rain",
    "schedule": "my-bridge-2",
    "backbone": "i2sbkit-tiny-net",
    "sampler": "i2sbkit-calm",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a new plugin of each kind, by the command."""
    folder, before = tmp_path_factory.mktemp("new"), Path.cwd()
    os.chdir(folder)
    try:
        assert [execute(["plugins", "new", name, "--kind", kind]) for kind, name in NAMES.items()] == [0] * 4
    finally:
        os.chdir(before)
    return folder


def test_it_passes_its_own_tests(written, tmp_path):
    """As written, where it is installed: one of each kind, with names of one and of several words. So does `dit`."""
    shutil.copytree(ROOT / "plugins" / DIT, written / DIT, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*NAMES.values(), DIT):
        put_on(tmp_path, written / name)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *NAMES.values(), DIT]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=written, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", PARTS)
def test_it_is_complete_and_all_its_own(written, kind):
    """Project with entry point, module, recipe, test, README; nothing in it still bears the example's name."""
    example, name = scaffolding.EXAMPLES[kind], NAMES[kind]
    files = sorted(path for path in (written / name).rglob("*") if path.is_file())
    assert len(files) == len(scaffolding.FILES)
    for path in files:
        text = path.read_text("utf-8") + path.name
        assert not re.search(rf"i2sbkit.{example}|\b{example}\b|\b{example.title()}", text), path
    project = tomllib.loads((written / name / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == name
    (module,) = project["entry-points"]["i2sbkit"].values()
    assert (written / name / f"{module}.py").is_file()


def test_the_folder_is_printed(tmp_path, monkeypatch, capsys):
    """On stdout; what to type next is on stderr."""
    monkeypatch.chdir(tmp_path)
    assert execute(["plugins", "new", "i2sbkit-rain", "--kind", "sampler"]) == 0
    out, err = capsys.readouterr()
    assert out == "i2sbkit-rain\n"
    assert "pip install -e i2sbkit-rain pytest && pytest i2sbkit-rain" in err


def test_what_is_there_is_left_alone(tmp_path):
    """A folder, a file or a dangling link of that name is an error, and stays as it was."""
    (tmp_path / "i2sbkit-rain").mkdir()
    (tmp_path / "i2sbkit-snow").write_text("mine")
    (tmp_path / "i2sbkit-hail").symlink_to("nowhere")
    for name in ("i2sbkit-rain", "i2sbkit-snow", "i2sbkit-hail"):
        with pytest.raises(Error, match=f"{name}: exists already; choose another name"):
            new_plugin(name, "corruption", tmp_path)
    assert (tmp_path / "i2sbkit-snow").read_text() == "mine"
    assert len(list(tmp_path.rglob("*"))) == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("I2sbkit_Rain", "say i2sbkit-rain"),
        ("../rain", "no name for a distribution"),
        ("/rain", "no name for a distribution"),
        ("rain-", "no name for a distribution"),
        ("", "no name for a distribution"),
        ("regen\u00e9", "no name for a distribution"),
        ("a" * 61, "at most 60"),
        ("class", "no name for a module"),
        ("i2sbkit-none", "no name for a class, as Python has None for itself"),
        ("true", "no name for a class"),
        ("i2sbkit-4k", "no name for a part"),
        ("numpy", "a Python package numpy"),
        ("i2sbkit", "a Python package i2sbkit"),
        ("i2sbkit-jpeg", "brings a corruption 'jpeg' already"),
    ],
)
def test_names_that_do_not_do_are_told(name, says, tmp_path):
    """What may be said instead, and nothing is written."""
    with pytest.raises(Error, match=says):
        new_plugin(name, "corruption", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_kind_is_free(tmp_path):
    """A sampler may be called as a corruption is."""
    assert new_plugin("i2sbkit-jpeg", "sampler", tmp_path).is_dir()


def test_a_strangers_part_takes_its_name(tmp_path, site):
    """As a built-in does; the message says whose it is."""
    install(site, "someone-rain", "0.3", rain=corruption("rain"))
    with pytest.raises(Error, match=r"someone-rain 0\.3 brings a corruption 'rain' already"):
        new_plugin("i2sbkit-rain", "corruption", tmp_path)


def test_it_is_whole_or_not_there(tmp_path, monkeypatch):
    """Where writing fails half way nothing is left."""
    monkeypatch.setattr(scaffolding, "FILES", (*scaffolding.FILES, "missing.txt"))
    with pytest.raises(FileNotFoundError):
        new_plugin("i2sbkit-rain", "corruption", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_there_is_an_example_for_each_kind():
    """Each a real distribution of this repository, whose files are all copied; a wheel's own come first."""
    assert tuple(scaffolding.EXAMPLES) == PARTS
    for example in scaffolding.EXAMPLES.values():
        folder = scaffolding.examples() / f"i2sbkit-{example}"
        left = {"__pycache__", "dist", "runs", ".pytest_cache"}
        there = {path for path in folder.rglob("*") if path.is_file() and not left & {*path.parts}}
        assert there == {folder / file.format(example) for file in scaffolding.FILES}


def test_a_wheel_brings_its_own_examples(tmp_path, monkeypatch):
    """Where the package has a folder of them, as in a wheel, that one is taken."""
    (tmp_path / "examples").mkdir()
    monkeypatch.setattr(scaffolding, "PACKAGE", tmp_path)
    assert scaffolding.examples() == tmp_path / "examples"
