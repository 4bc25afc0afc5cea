"""What pip installs: the wheel is whole, the sdist builds the same one, and it works in a bare venv."""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from i2sbkit import __version__

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MEGABYTES = 32


def build(source, target, kind):
    """The wheel or sdist that hatchling makes of a source tree."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (made,) = target.iterdir()
    return made


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(files, name):
    """A file of the wheel's dist-info folder."""
    (found,) = (data for path, data in files.items() if re.fullmatch(rf"i2sbkit-[^/]*\.dist-info/{name}", path))
    return found.decode("utf-8")


def requirement_name(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def files(wheel):
    return contents(wheel)


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory):
    """Runs i2sbkit in an empty folder, from the wheel in a venv of its own that borrows our dependencies."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=False)
    (site,) = (folder / "venv").rglob("site-packages")
    site.joinpath("borrowed.pth").write_text(str(Path(pytest.__file__).parent.parent))
    python = folder / "venv" / Path(sys.executable).relative_to(sys.prefix)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    work = folder / "work"
    work.mkdir()
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "I2SBKIT_PLUGINS")}

    def i2sbkit(*arguments):
        command = [python.with_name("i2sbkit"), *map(str, arguments)]
        return subprocess.run(command, cwd=work, env=clean, check=True, capture_output=True, text=True).stdout

    return i2sbkit


@pytest.mark.parametrize(
    ("folder", "inside", "suffixes"),
    [
        ("i2sbkit/weights", "i2sbkit/weights", {".safetensors", ".csv"}),
        ("recipes", "i2sbkit/recipes", {".toml", ".tar", ".csv"}),
    ],
)
def test_the_wheel_carries_weights_recipes_and_photographs(files, folder, inside, suffixes):
    """Every bundled file is in the wheel, byte for byte: models, recipes, their default data, and the credits."""
    shipped = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert {path.suffix for path in shipped} >= suffixes
    for path in shipped:
        assert files[f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"] == path.read_bytes()


def test_the_wheel_carries_what_a_report_is_made_of(files):
    """Templates, style and script, each as it lies here."""
    parts = [path for path in (ROOT / "i2sbkit/report").iterdir() if path.suffix in (".html", ".css", ".js")]
    assert {path.suffix for path in parts} == {".html", ".css", ".js"}
    for path in parts:
        assert files[f"i2sbkit/report/{path.name}"] == path.read_bytes()


def test_the_wheel_brings_the_jpeg_model(files):
    """`--task jpeg` works from the wheel alone."""
    assert "i2sbkit/weights/jpeg.safetensors" in files


def test_the_wheel_holds_nothing_else(files):
    """No tests or scripts of ours, and nothing that Python left behind; an example plugin comes with its tests."""
    tops = {path.split("/")[0] for path in files}
    assert tops == {"i2sbkit", "i2sbkit_plugins", f"i2sbkit-{__version__}.dist-info"}
    ours = [path for path in files if not path.startswith("i2sbkit/examples/")]
    assert not [path for path in ours if "/tests/" in path or "/test_" in path]
    assert not [path for path in files if "__pycache__" in path]


def test_both_packages_are_typed(files):
    """Type checkers read our hints (PEP 561)."""
    assert {"i2sbkit/py.typed", "i2sbkit_plugins/py.typed"} <= files.keys()


def test_the_wheel_registers_what_pyproject_says(files):
    """The command and every built-in plugin are entry points of the wheel, and each built-in's file is in it."""
    parser = ConfigParser()
    parser.read_string(metadata(files, "entry_points.txt"))
    assert dict(parser["console_scripts"]) == PROJECT["scripts"]
    assert dict(parser["i2sbkit"]) == PROJECT["entry-points"]["i2sbkit"]
    for module in PROJECT["entry-points"]["i2sbkit"].values():
        assert module.replace(".", "/") + ".py" in files


def test_the_wheel_states_its_licence(files):
    """The licence is in the wheel, and named in its metadata."""
    assert metadata(files, "licenses/LICENSE") == (ROOT / "LICENSE").read_text("utf-8")
    assert "License-Expression: Apache-2.0\n" in metadata(files, "METADATA")


def test_the_wheel_is_small(wheel):
    """At most 32 MB."""
    assert wheel.stat().st_size <= MEGABYTES * 1e6


def test_the_source_archive_builds_the_same_wheel(files, tmp_path):
    """Whoever builds from the sdist gets the wheel that we publish, and can run the tests."""
    with tarfile.open(build(ROOT, tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("i2sbkit-*")
    assert contents(build(source, tmp_path / "wheel", "wheel")) == files
    assert source.joinpath("tests", Path(__file__).name).is_file()
    assert source.joinpath("constraints.txt").is_file()


def test_constraints_pin_all_that_is_tested():
    """Each requirement of the base and of [test] has one exact version in constraints.txt; torch is 2.13.0."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines if not line.startswith("#"))
    for requirement in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]:
        assert requirement_name(requirement) in pins
    assert pins["torch"] == "2.13.0"


def test_only_linux_on_x86_64_tests_with_xformers():
    """No other platform is asked for a wheel that does not exist, or a CUDA toolchain to build one."""
    (found,) = (r for r in PROJECT["optional-dependencies"]["test"] if requirement_name(r) == "xformers")
    assert found.split(";")[1].strip() == "sys_platform == 'linux' and platform_machine == 'x86_64'"
    assert not any(requirement_name(requirement) == "xformers" for requirement in PROJECT["dependencies"])


def test_the_bare_wheel_lists_its_plugins_and_recipes(bare):
    """In an empty venv, away from any checkout, everything built in is found and nothing is broken."""
    assert __version__ in bare("--version")
    listed = json.loads(bare("plugins", "list", "--json"))
    assert {part["plugin"] for part in listed["plugins"]} == PROJECT["entry-points"]["i2sbkit"].keys()
    assert listed["failures"] == []
    assert "jpeg10" in bare("recipes", "list")
