"""A stranger's plugin, for real: its wheel is installed beside i2sbkit, trains, restores, and is taken away again."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest
from PIL import Image

from i2sbkit import __version__

ROOT = Path(__file__).parent.parent
FOG = ROOT / "plugins" / "i2sbkit-fog"
INSTALL = ("install", "--no-deps", "--no-index", "wheels/i2sbkit_fog-0.1-py3-none-any.whl")
WEIGHTS = Path("runs", "fog", "weights.safetensors")
RESTORE = ("restore", "foggy.png", "--weights", WEIGHTS, "--device", "cpu")
SHORT = {
    "backbone.width": 4,
    "data.train": "my/photos",
    "data.size": 16,
    "train.batch": 2,
    "train.iterations": 2,
}


class Machine:
    """A folder with photographs and a Python of its own, which has i2sbkit and what it needs from ours."""

    def __init__(self, folder):
        venv.create(folder / "venv", with_pip=False)
        self.python = folder / "venv" / Path(sys.executable).relative_to(sys.prefix)
        self.folder = folder
        (site,) = (folder / "venv").rglob("site-packages")
        # addsitedir, and not the bare path: so the .pth of an editable install counts too.
        borrowed = str(Path(pytest.__file__).parent.parent)
        site.joinpath("borrowed.pth").write_text(f"import site; site.addsitedir({borrowed!r})\n")
        with tarfile.open(ROOT / "recipes" / "photos" / "val-000000.tar") as photographs:
            photographs.extractall(folder / "my" / "photos", filter="data")

    def run(self, *command):
        """A command line in the folder: exit code, stdout, stderr."""
        variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "I2SBKIT_PLUGINS")}
        environment = {**variables, "OMP_NUM_THREADS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return subprocess.run(list(map(str, command)), cwd=self.folder, env=environment, capture_output=True, text=True)

    def i2sbkit(self, *arguments):
        """`i2sbkit` as that Python has it."""
        return self.run(self.python, "-m", "i2sbkit", *arguments)

    def pip(self, *arguments):
        """Our pip, working for that Python."""
        done = self.run(sys.executable, "-m", "pip", "--quiet", "--python", self.python, *arguments)
        assert done.returncode == 0, done.stderr

    def corruptions(self):
        """Name -> distribution and version, as `plugins list --json` has them."""
        done = self.i2sbkit("plugins", "list", "--kind", "corruption", "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["failures"] == []
        return {row["name"]: (row["distribution"], row["version"]) for row in found["plugins"]}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A machine on which fog's wheel was built, installed, and trained with for two steps."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    shutil.copytree(FOG, machine.folder / "fog", ignore=shutil.ignore_patterns("runs", "dist", "__pycache__"))
    machine.pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", "wheels", "./fog")
    machine.pip(*INSTALL)
    settings = [word for key, value in SHORT.items() for word in ("--set", f"{key}={value}")]
    done = machine.i2sbkit("train", "fog/recipes/fog.toml", *settings, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{WEIGHTS}\n"
    with Image.open(ROOT / "examples" / "clean" / "lake-sherburne.png") as photograph:
        photograph.crop((0, 0, 40, 24)).save(machine.folder / "foggy.png")
    return machine


def test_it_is_listed_with_its_distribution(machine):
    """Beside the built-ins, which are listed as i2sbkit's."""
    listed = machine.corruptions()
    assert listed["fog"] == ("i2sbkit-fog", "0.1")
    assert listed["jpeg"] == ("i2sbkit", __version__)


def test_its_weights_restore(machine):
    """What two steps gave restores a picture, by the recipe in the file alone."""
    done = machine.i2sbkit(*RESTORE, "clear.png")
    assert done.returncode == 0, done.stderr
    with Image.open(machine.folder / "clear.png") as picture:
        assert picture.size == (40, 24)


def test_its_own_tests_pass(machine):
    """As its author runs them: its recipe too is valid where it is installed."""
    done = machine.run(machine.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "fog")
    assert done.returncode == 0, done.stdout


def test_it_can_be_uninstalled(machine):
    """The rest works as before; its weights say in a line what is missing and what to type, and nothing is written."""
    machine.pip("uninstall", "--yes", "i2sbkit-fog")
    try:
        left, done = machine.corruptions(), machine.i2sbkit(*RESTORE, "never.png")
    finally:
        machine.pip(*INSTALL)
    assert "fog" not in left
    assert "jpeg" in left
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {WEIGHTS}: needs i2sbkit-fog 0.1 (pip install i2sbkit-fog==0.1; ")
    assert "no corruption called 'fog'" in line
    assert not (machine.folder / "never.png").exists()
