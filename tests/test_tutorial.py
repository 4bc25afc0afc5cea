"""The tutorial tells the truth: every block of it is run, in its order, as a reader would."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from i2sbkit.cli import execute

ROOT = Path(__file__).parent.parent
TUTORIAL = (ROOT / "docs/tutorial.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TUTORIAL, re.DOTALL | re.MULTILINE)


def calls():
    """Its command lines; one that installs first is the README's, of which the restoration is left."""
    for line in "".join(text for language, text in BLOCKS if language == "sh").replace("\\\n", "").splitlines():
        found = re.search(r"(?:^|\.venv/bin/)i2sbkit (.*)", line)
        if found and not line.startswith("i2sbkit "):
            assert line in README.splitlines(), "the tutorial installs as the README does"
        assert found or line == "source .venv/bin/activate", line
        if found:
            yield found[1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with what the tutorial takes from a checkout."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def test_every_command_runs(checkout, monkeypatch, capsys):
    """In order, in one folder, each with exit code 0; what the text promises is then there."""
    monkeypatch.chdir(checkout)
    for call in calls():
        assert execute(shlex.split(call)) == 0, f"{call}\n{capsys.readouterr().err}"
    said = capsys.readouterr().out
    assert "input" in said and said.count("95% from") == 2
    assert len(list(Path("restored").glob("*.jpg"))) == 6
    assert 'type="range"' in Path("look/flower.html").read_text("utf-8")
    assert {"recipe.toml", "log.jsonl", "samples", "weights.safetensors"} <= {
        p.name for p in Path("runs/tiny").iterdir()
    }


def test_its_python_runs(checkout, monkeypatch):
    """Each block goes on with the names of those before it."""
    monkeypatch.chdir(checkout)
    names = {}
    for language, text in BLOCKS:
        if language == "python":
            exec(text, names)
    with Image.open("typewriter.png") as restored, Image.open("examples/jpeg/typewriter.jpg") as damaged:
        assert restored.size == damaged.size
    assert Path("way.png").is_file()


def test_it_has_no_other_blocks():
    """Nothing is shown that is not run."""
    assert {language for language, _ in BLOCKS} == {"sh", "python"}
    assert TUTORIAL.count("```") == 2 * len(BLOCKS)
