"""Strangers' plugins, for real: wheels beside the wheel of i2sbkit, in an empty venv. They train, restore, and leave.

`i2sbkit-fog` is a corruption with an operator, `i2sbkit-dit` a transformer.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from i2sbkit import __version__

ROOT = Path(__file__).parent.parent
SHORT = {"data.train": "my/photos", "data.size": 16, "train.batch": 2, "train.iterations": 2}
COPIED = shutil.ignore_patterns("runs", "dist", "__pycache__", ".pytest_cache")


@dataclass(frozen=True)
class Stranger:
    """A distribution of one part, and what makes its recipe short."""

    part: str
    kind: str
    settings: tuple[str, ...]

    @property
    def distribution(self):
        return f"i2sbkit-{self.part}"

    @property
    def wheel(self):
        return f"wheels/i2sbkit_{self.part}-0.1-py3-none-any.whl"

    @property
    def weights(self):
        return Path("runs", self.part, "weights.safetensors")


FOG = Stranger("fog", "corruption", ("backbone.width=4",))
DIT = Stranger("dit", "backbone", ("backbone.width=24", "backbone.depth=1", "backbone.heads=2"))
each_stranger = pytest.mark.parametrize(
    "stranger", [FOG, pytest.param(DIT, marks=pytest.mark.slow)], ids=["fog", "dit"]
)


class Machine:
    """A folder with photographs and a Python of its own, which borrows from ours what i2sbkit needs."""

    def __init__(self, folder):
        venv.create(folder / "venv", with_pip=False)
        self.python = folder / "venv" / Path(sys.executable).relative_to(sys.prefix)
        self.folder = folder
        (site,) = (folder / "venv").rglob("site-packages")
        # The bare path, whose own .pth files do not count: our checkout stays out, and i2sbkit is its wheel.
        site.joinpath("borrowed.pth").write_text(str(Path(pytest.__file__).parent.parent))
        with tarfile.open(ROOT / "recipes" / "photos" / "val-000000.tar") as photographs:
            photographs.extractall(folder / "my" / "photos", filter="data")
        with Image.open(ROOT / "examples" / "clean" / "lake-sherburne.png") as photograph:
            photograph.crop((0, 0, 40, 24)).save(folder / "damaged.png")

    def run(self, *command):
        """A command line in the folder: exit code, stdout, stderr."""
        variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "I2SBKIT_PLUGINS")}
        environment = {**variables, "OMP_NUM_THREADS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return subprocess.run(list(map(str, command)), cwd=self.folder, env=environment, capture_output=True, text=True)

    def i2sbkit(self, *arguments):
        """`i2sbkit` as that Python has it, to succeed: its stdout."""
        done = self.run(self.python, "-m", "i2sbkit", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pip(self, *arguments):
        """Our pip, working for that Python."""
        done = self.run(sys.executable, "-m", "pip", "--quiet", "--python", self.python, *arguments)
        assert done.returncode == 0, done.stderr

    def install(self, *wheels):
        """From files alone."""
        self.pip("install", "--no-deps", "--no-index", *wheels)

    def parts(self):
        """(Kind, name) -> distribution and version, as `plugins list --json` has them."""
        found = json.loads(self.i2sbkit("plugins", "list", "--json"))
        assert found["failures"] == []
        return {(row["kind"], row["name"]): (row["distribution"], row["version"]) for row in found["plugins"]}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A machine on which i2sbkit and both plugins are installed, from wheels that were built of this repository."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    for stranger in (FOG, DIT):
        shutil.copytree(ROOT / "plugins" / stranger.distribution, machine.folder / stranger.part, ignore=COPIED)
    build = ("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", "wheels")
    machine.pip(*build, ROOT, "./fog", "./dit")
    machine.install(f"wheels/i2sbkit-{__version__}-py3-none-any.whl", FOG.wheel, DIT.wheel)
    return machine


@pytest.fixture(scope="module")
def trained(machine):
    """Train a stranger's own recipe for two steps, once."""

    def train(stranger):
        if not (machine.folder / stranger.weights).exists():
            settings = [*(f"{key}={value}" for key, value in SHORT.items()), *stranger.settings]
            words = [word for setting in settings for word in ("--set", setting)]
            recipe = f"{stranger.part}/recipes/{stranger.part}.toml"
            assert machine.i2sbkit("train", recipe, *words, "--device", "cpu") == f"{stranger.weights}\n"
        return stranger.weights

    return train


def test_they_are_listed_with_their_distributions(machine):
    """Beside the built-ins, which are the wheel's."""
    listed = machine.parts()
    assert listed["corruption", "fog"] == ("i2sbkit-fog", "0.1")
    assert listed["backbone", "dit"] == ("i2sbkit-dit", "0.1")
    assert listed["corruption", "jpeg"] == ("i2sbkit", __version__)
    where = machine.run(machine.python, "-c", "import i2sbkit; print(i2sbkit.__file__)").stdout
    assert str(machine.folder) in where


@each_stranger
def test_their_weights_restore(machine, trained, stranger):
    """What two steps gave restores a picture, by the recipe in the file alone."""
    out = f"clear-{stranger.part}.png"
    machine.i2sbkit("restore", "damaged.png", out, "--weights", trained(stranger), "--device", "cpu")
    with Image.open(machine.folder / out) as picture:
        assert picture.size == (40, 24)


@pytest.mark.slow
@pytest.mark.parametrize("stranger", [FOG, DIT], ids=["fog", "dit"])
def test_their_weights_are_measured(machine, trained, stranger):
    """`evaluate` damages and restores; of a corruption with an operator, with data consistency too."""
    wanted = ["--weights", trained(stranger), "--data", "my/photos", "--count", "2", "--size", "64", "--device", "cpu"]
    consistent = ["--consistency", "ddnm"] if stranger is FOG else []
    before, after = json.loads(machine.i2sbkit("evaluate", *wanted, *consistent, "--json"))["arms"]
    assert before["means"]["psnr_rgb"]["mean"] > 5
    if stranger is FOG:  # two steps have taught it nothing, but its operator knows the way back
        assert after["means"]["psnr_rgb"]["mean"] > before["means"]["psnr_rgb"]["mean"] + 10


@pytest.mark.slow
@pytest.mark.parametrize("stranger", [FOG, DIT], ids=["fog", "dit"])
def test_they_keep_what_they_promise(machine, stranger):
    """As `plugins check` sees it, and by their own tests, as their authors run them."""
    assert "keeps what it promises" in machine.i2sbkit("plugins", "check", stranger.distribution)
    done = machine.run(machine.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", stranger.part)
    assert done.returncode == 0, done.stdout


@each_stranger
def test_they_can_be_uninstalled(machine, trained, stranger):
    """The rest works as before; weights say in a line what is missing and what to type, and nothing is written."""
    weights, name = trained(stranger), stranger.distribution
    machine.pip("uninstall", "--yes", name)
    try:
        left = machine.parts()
        restore = ("restore", "damaged.png", "never.png", "--weights", weights, "--device", "cpu")
        done = machine.run(machine.python, "-m", "i2sbkit", *restore)
    finally:
        machine.install(stranger.wheel)
    assert (stranger.kind, stranger.part) not in left
    assert ("corruption", "jpeg") in left
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {weights}: needs {name} 0.1 (pip install {name}==0.1; ")
    assert f"no {stranger.kind} called '{stranger.part}'" in line
    assert not (machine.folder / "never.png").exists()


def test_the_wheel_begins_a_new_one(machine):
    """`plugins new` needs neither a checkout nor the network."""
    assert machine.i2sbkit("plugins", "new", "i2sbkit-rain", "--kind", "schedule") == "i2sbkit-rain\n"
    written = machine.folder / "i2sbkit-rain"
    assert {path.name for path in written.iterdir()} >= {"pyproject.toml", "i2sbkit_rain.py", "README.md", "tests"}
