"""`i2sbkit recipes`: list, show, check, copy."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from i2sbkit import shipped
from i2sbkit.cli import execute
from i2sbkit.recipe import load_recipe
from i2sbkit.recipe_files import opening_sentence, with_absolute_paths


@pytest.fixture
def mine(tmp_path):
    """A recipe of one's own, its photographs in a folder beside it."""
    (tmp_path / "pictures").mkdir()
    for name in "ab":
        Image.new("RGB", (40, 40), "red").save(tmp_path / "pictures" / f"{name}.png")
    text = shipped.recipes()["tiny"].read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("photos/train-*.tar", "pictures").replace("photos/val-*.tar", "pictures"))
    return path


def line_of(path, start):
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if line.startswith(start))


def test_list_shows_every_shipped_recipe(capsys):
    """One line a recipe with the first sentence of its opening comment; the same as JSON."""
    assert execute(["recipes", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in listed] == list(shipped.recipes())
    assert {"tiny", "jpeg", "jpeg10"} <= {row["name"] for row in listed}
    assert all(len(row["summary"]) > 20 and Path(row["file"]).is_file() for row in listed)
    assert execute(["recipes", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert lines == [f"{row['name']:{max(len(r['name']) for r in listed)}}  {row['summary']}" for row in listed]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# One. Two.\n[data]", "One."),
        ("# A bridge of\n# 1.5 lines! And more", "A bridge of 1.5 lines!"),
        ("# No stop\n#\n# second paragraph.", "No stop"),
        ("[data]\n# late.", ""),
    ],
)
def test_opening_sentence(text, sentence):
    """A sentence ends where a stop is followed by a space, over lines; a paragraph ends it too."""
    assert opening_sentence(text) == sentence


def test_show_prints_the_file(capsys):
    """`show` is the file, to the byte."""
    assert execute(["recipes", "show", "jpeg10"]) == 0
    assert capsys.readouterr().out == shipped.recipes()["jpeg10"].read_text("utf-8")


def test_show_resolved_is_complete(capsys, mine, tmp_path):
    """`show --resolved` is a recipe that trains the same from anywhere."""
    assert execute(["recipes", "show", str(mine), "--resolved"]) == 0
    elsewhere = tmp_path / "else" / "where.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(capsys.readouterr().out)
    before, after = load_recipe(mine), load_recipe(elsewhere)
    assert after.paths("train") == before.paths("train") == [str(tmp_path / "pictures")]
    assert {**after.document, "data": None} == {**before.document, "data": None}
    assert 'subsampling = "4:2:0"' in elsewhere.read_text()  # a default that the file leaves out


def test_show_of_an_unknown_recipe_names_the_known(capsys):
    """No such recipe: exit code 2 and the list."""
    assert execute(["recipes", "show", "jpge"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "jpge" in err
    assert "jpeg10" in err


def test_every_shipped_recipe_passes_its_check(capsys):
    """What we ship is valid, and its data is there."""
    names = list(shipped.recipes())
    assert execute(["recipes", "check", *names]) == 0
    out, err = capsys.readouterr()
    assert out == "".join(f"{name}: ok\n" for name in names)
    assert err == ""


def test_check_tells_all_errors_and_goes_on(capsys, mine, tmp_path):
    """Every mistake is told with file and line, the other recipes are checked all the same, and the code is 2."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(mine.read_text().replace("quality = 10", "qualty = 10").replace("batch = 16", 'batch = "x"'))
    assert execute(["recipes", "check", str(wrong), str(mine)]) == 2
    out, err = capsys.readouterr()
    assert out == f"{mine}: ok\n"
    assert f"{wrong}:{line_of(wrong, 'qualty')}: corruption.qualty: unknown key; did you mean 'quality'?" in err
    assert f"{wrong}:{line_of(wrong, 'batch')}: train.batch: " in err


@pytest.mark.parametrize("key", ["train", "val"])
def test_check_opens_the_data(capsys, mine, key):
    """Data that is not there is a mistake on the line that names it."""
    mine.write_text(mine.read_text().replace(f'{key} = "pictures"', f'{key} = "nowhere/*.tar"'))
    assert execute(["recipes", "check", str(mine)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"{mine}:{line_of(mine, key + ' =')}: data.{key}: ")
    assert "nowhere" in line


def test_check_with_set(capsys, mine):
    """--set is checked like the file, and named as the place of its mistakes."""
    assert execute(["recipes", "check", str(mine), "--set", "data.train=nowhere", "--json"]) == 2
    out, err = capsys.readouterr()
    (found,) = json.loads(out)
    assert err == ""
    assert (found["recipe"], found["ok"]) == (str(mine), False)
    (problem,) = found["problems"]
    assert problem.startswith("--set: data.train: ")
    assert execute(["recipes", "check", str(mine), "--set", "train.batch=0"]) == 2
    assert capsys.readouterr().err.startswith("--set: train.batch: ")
    assert execute(["recipes", "check", str(mine), "--set", "train.batch=3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"recipe": str(mine), "ok": True, "problems": []}]


def test_copy_keeps_comments_and_finds_its_data(capsys, tmp_path, monkeypatch):
    """A copy differs in its paths alone, and these lead to the same data."""
    monkeypatch.chdir(tmp_path)
    assert execute(["recipes", "copy", "tiny"]) == 0
    assert capsys.readouterr().out == "tiny.toml\n"
    copied, original = Path("tiny.toml").read_text("utf-8"), shipped.recipes()["tiny"].read_text("utf-8")
    changed = [pair for pair in zip(copied.splitlines(), original.splitlines(), strict=True) if pair[0] != pair[1]]
    assert [old.partition(" ")[0] for _, old in changed] == ["train", "val"]
    assert load_recipe("tiny.toml").paths("train") == load_recipe(shipped.recipes()["tiny"]).paths("train")
    assert execute(["recipes", "check", "tiny.toml"]) == 0


def test_copy_does_not_overwrite(capsys, tmp_path):
    """What exists stays, byte for byte, unless --overwrite."""
    target = tmp_path / "mine.toml"
    target.write_text("precious")
    assert execute(["recipes", "copy", "tiny", str(target)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert target.read_text() == "precious"
    assert execute(["recipes", "copy", "tiny", str(target), "--overwrite"]) == 0
    assert target.read_text().startswith("# A bridge")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_copy_onto_itself_is_refused(capsys, mine):
    """Even with --overwrite a recipe is not replaced by its own copy."""
    before = mine.read_text()
    assert execute(["recipes", "copy", str(mine), str(mine.parent), "--overwrite"]) == 2
    assert "is the recipe itself" in capsys.readouterr().err
    assert mine.read_text() == before


def test_copy_wants_a_toml_file_or_a_folder(capsys, tmp_path):
    """A target that would not be found again as a recipe is refused, with the name to take."""
    assert execute(["recipes", "copy", "tiny", str(tmp_path / "mine")]) == 2
    assert f"{tmp_path / 'mine.toml'}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert execute(["recipes", "copy", "tiny", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'tiny.toml'}\n"


PATHS = """\
[data]  # "not a path"
train = [
    "a.tar",  # the "first"
    '/abs/b.tar', "c d.tar",
]
val = 'v "q".tar'
crop = "random"
[train]
init = "w.safetensors"  # "x"
schedule = "step"
"""


def test_paths_are_rewritten_wherever_they_stand(tmp_path):
    """Lists, both quotes, comments between: only paths that are relative change."""
    text = with_absolute_paths(PATHS, tmp_path)
    found = tomllib.loads(text)
    assert found["data"]["train"] == [f"{tmp_path}/a.tar", "/abs/b.tar", f"{tmp_path}/c d.tar"]
    assert found["data"]["val"] == f'{tmp_path}/v "q".tar'
    assert found["train"] == {"init": f"{tmp_path}/w.safetensors", "schedule": "step"}
    assert [line.partition("#")[2] for line in text.splitlines()] == [
        line.partition("#")[2] for line in PATHS.splitlines()
    ]


@pytest.mark.parametrize("text", ['data = { train = "a.tar", size = 3 }', '[data]\ntrain = """a.tar"""', "data = ["])
def test_paths_that_cannot_be_rewritten_are_an_error(capsys, tmp_path, text):
    """A copy whose paths might be wrong is not written."""
    source, target = tmp_path / "odd.toml", tmp_path / "copy.toml"
    source.write_text(text)
    assert execute(["recipes", "copy", str(source), str(target)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ('name = "blur"\nsize = 101', "too small for a blur of 101x101"),
        ('name = "jpeg-i2sb"\nquality = 10', "multiples of 16"),
        ('name = "paired"', "data.paired = true"),
        ('name = "mixture"\nof = [{name = "jpeg", quality = 10}, {name = "superres", scale = 5}]', "into 40x40"),
    ],
)
def test_check_tries_the_damage(capsys, mine, options, says):
    """A corruption that cannot damage the recipe's crops is told before a training meets it."""
    text = re.sub(r'name = "jpeg"\nquality = \d+', options, mine.read_text())
    mine.write_text(text)
    halves = ["--set", "data.size=44", "--set", "backbone.encoder=[1,1]", "--set", "backbone.decoder=[1,1]"]
    assert execute(["recipes", "check", str(mine), *halves]) == 2
    err = capsys.readouterr().err
    assert "corruption: " in err
    assert says in err
