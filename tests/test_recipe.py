"""Recipes: what is wrong with one is told at once and with its place; what is right is resolved in full."""

import tomllib
from pathlib import Path

import pytest
from fake_plugins import message
from tiny_training import TINY, with_plugin

from i2sbkit import shipped
from i2sbkit.kernel.errors import Error
from i2sbkit.recipe import find_recipe, load_recipe

WRONG = """\
schedule.name = "i2sbb"

[corruption]
name = "jpeg"
quality = "ten"

[[sampler]]
name = "sde"

[data]
train = [
  "a.tar",
  3,
]
colour = true

[backbone]
name = "compact"
width = 0

[train]
iteratons = 5
lr = "1e-3"

[tran]
x = 1
"""


def test_all_errors_are_told_at_once_with_their_places(tmp_path):
    """One message, a line an error: file, line, section and key, what is wrong, and what was probably meant."""
    path = tmp_path / "wrong.toml"
    path.write_text(WRONG)
    assert message(load_recipe, path, ["train.batch=0", "trin.x=1"]).splitlines() == [
        f"{path}:25: tran: unknown section; did you mean 'train'?",
        "--set: trin: unknown section; did you mean 'train'?",
        f'{path}:5: corruption.quality: must be an integer or a list, got "ten"',
        f"{path}:1: schedule.name: no schedule called 'i2sbb'; did you mean 'i2sb'?",
        f"{path}:17: backbone: backbone 'compact': compact: width is 0; take 1 to 4096, such as width = 16",
        f"{path}:7: sampler: must be a section, [sampler], and only one",
        f"{path}:15: data.colour: unknown key (there are: train, val, size, crop, crops, margin, val_size, flip, "
        "quantize, paired, masks, workers)",
        f"{path}:11: data.train: item 2 must be text, got 3",
        f"{path}:21: train.iterations: is required",
        f"{path}:22: train.iteratons: unknown key; did you mean 'iterations'?",
        "--set: train.batch: must be greater than 0, got 0",
        f'{path}:23: train.lr: must be a number, got "1e-3"',
        "12 errors in the recipe",
    ]


MISTAKES = {  # what is replaced, by what, how the line begins that is told, what is told
    "part": ('name = "jpeg"', 'name = "jpge"', "name", "name: no corruption called 'jpge'; did you mean 'jpeg'?"),
    "no part": ('name = "sde"', "", "[sampler]", 'sampler: needs a name: name = "..." (there are: dbim, dbmsolver,'),
    "part of no name": ('name = "sde"', "name = 1", "[sampler]", 'sampler: needs a name: name = "..."'),
    "option": ("beta_max", "beta_mx", "beta_mx", "schedule.beta_mx: unknown key; did you mean 'beta_max'?"),
    "no option": ("quality = 10", "", "[corruption]", "corruption.quality: is required"),
    "own check": ("steps = 20", "steps = 21", "[schedule]", "schedule: schedule 'i2sb': steps must be an even number"),
    "union": ("quality = 10", "quality = 10.5", "quality", "quality: must be an integer or a list, got 10.5"),
    "long list": ("quality = 10", "quality = [1, 2, 3]", "quality", "must be an integer or a list of at most 2"),
    "short list": ("quality = 10", "quality = [5]", "quality", "corruption.quality: item 2 is missing"),
    "item": ("encoder = [1]", "encoder = [\n 1,\n true,\n]", "encoder", "encoder: item 2 must be an integer, got true"),
    "dotted": ("encoder = [1]", "encoder.x = 1", "encoder.x", 'backbone.encoder: must be a list, got {"x": 1}'),
    "choice": ("size = 16", 'crop = "centre"', "crop", "data.crop: must be 'random' or 'center', got \"centre\""),
    "bool for int": ("batch = 4", "batch = true", "batch", "train.batch: must be an integer, got true"),
    "text for int": ("batch = 4", 'batch = "4"', "batch", 'train.batch: must be an integer, got "4"'),
    "int for bool": ("cond_x1 = true", "cond_x1 = 1", "cond_x1", "bridge.cond_x1: must be true or false, got 1"),
    "infinite": ("lr = 1e-3", "lr = inf", "lr", "train.lr: must be a finite number, got Infinity"),
    "negative": ("lr = 1e-3", "lr = -1", "lr", "train.lr: must be greater than 0, got -1"),
    "betas": ("lr = 1e-3", "betas = [0.9, 1.0]", "betas", "train.betas: item 2 must be less than 1, got 1.0"),
    "logger": ("[train]", '[log]\nloggers = ["tensorbord"]\n[train]', "loggers", "called 'tensorbord'; did you mean"),
    "size": ("size = 16", "size = 17", "size", "data.size: must be a multiple of 2 here, got 17"),
    "array of tables": ("[train]", "[[train]]", "[[train]]", "train: must be a section, [train]"),
    "value": ("[corruption]", "log = 3\n[corruption]", "log", "log: must be a section, [log]"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_every_mistake_is_told_on_its_line(case, tiny_recipe):
    """Whatever is wrong, the message gives the line of the key, or of the section where the key is missing."""
    right, wrong, start, told = MISTAKES[case]
    text = TINY.replace(right, wrong, 1)
    tiny_recipe.write_text(text)
    wanted = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(start))
    (line,) = [line for line in message(load_recipe, tiny_recipe).splitlines() if told in line]
    assert line.startswith(f"{tiny_recipe}:{wanted}: ")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.batch", "--set train.batch: write section.key=value, for instance train.batch=8"),
        ("batch=8", "--set batch=8: write section.key=value"),
        ("train.=8", "--set train.=8: write section.key=value"),
        ("train.bach=8", "--set: train.bach: unknown key; did you mean 'batch'?"),
        ("trian.batch=8", "--set: trian: unknown section; did you mean 'train'?"),
        ("train.batch=8.5", "--set: train.batch: must be an integer, got 8.5"),
        ("train.batch=8\nseed=1", '--set: train.batch: must be an integer, got "8\\nseed=1"'),
        ("data.crop=[random", "--set: data.crop: must be 'random' or 'center', got \"[random\""),
        ("corruption.quality=101", "corruption: corruption 'jpeg': quality must be in 1..100"),
        ("data.workers=99999999999999999999", "--set: data.workers: must be less than or equal to 512, got 9999"),
        ("data.crops=99999999999999999999", "--set: data.crops: must be less than or equal to 4096, got 9999"),
        ("train.batch=99999999999999999999", "--set: train.batch: must be less than or equal to 1048576, got 9999"),
        ("train.iterations=99999999999999999999", "--set: train.iterations: must be less than or equal to 1000"),
        ("backbone.middle=99999999999999999999", "backbone: backbone 'compact': compact: encoder, middle and decoder"),
    ],
)
def test_mistakes_in_set(override, told, tiny_recipe):
    """A --set that is no assignment says how to write one; one that sets nonsense is told like a line of the file."""
    assert told in message(load_recipe, tiny_recipe, [override])


def test_set_overrides(tiny_recipe):
    """Values are TOML, or text where they are none; a section that the recipe leaves out may be set too; last wins."""
    overrides = ["train.batch=8", "corruption.quality=[5, 40]", "data.crop=center", "train.lr=2e-4", "train.lr = 5e-4"]
    recipe = load_recipe(tiny_recipe, [*overrides, 'log.loggers=["tensorboard"]', "sampler.name=ode"])
    assert (recipe.train.batch, recipe.train.lr, recipe.data.crop) == (8, 5e-4, "center")
    assert recipe.parts.corruption.quality == (5, 40)
    assert recipe.document["log"]["loggers"] == ["tensorboard"]
    assert recipe.document["sampler"] == {"name": "ode", "nfe": 2, "spacing": "uniform"}
    assert "--set x.y=1: x is not a section" in message(load_recipe, _with(tiny_recipe, "x = 1\n"), ["x.y=1"])


def _with(path, start):
    path.write_text(start + TINY)
    return path


@pytest.mark.parametrize(
    ("text", "line"),
    [("[train]\nlr = \n", 2), ("[train]\n\nlr = 1e-3 2\n", 3), ("[a]\nx = 1\nx = 2\n", 3), ("[a]\n[b]\n[a]\n", 3)],
)
def test_toml_syntax_errors_have_a_line(text, line, tmp_path):
    """What is no TOML is told with file, line and reason."""
    path = tmp_path / "bad.toml"
    path.write_text(text)
    assert message(load_recipe, path).startswith(f"{path}:{line}: not valid TOML: ")


@pytest.mark.parametrize("content", [b"[a", b'x = """', b"\xff\xfe[\x00", b"PK\x03\x04"])
def test_what_is_no_text_or_is_cut_off(content, tmp_path):
    """A file that ends in the middle of a value, or is another kind of file, gives an Error as well."""
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    assert f"{path}" in message(load_recipe, path)
    assert "not valid TOML" in message(load_recipe, path)


def test_the_resolved_recipe_reloads_to_the_same(tiny_recipe, tmp_path):
    """Written from every default, read back from elsewhere, it is the same document, and trains the same data."""
    tiny_recipe.write_text(TINY + 'init = "w.safetensors"\n')
    recipe = load_recipe(tiny_recipe, ["corruption.quality=[5, 40]", 'data.train=["a/*.tar", "b \\"q\\""]'])
    elsewhere = tmp_path / "elsewhere" / "recipe.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(recipe.to_toml())
    again = load_recipe(elsewhere)
    paths = {"train": recipe.paths("train"), "val": recipe.paths("val")}
    assert {**again.document, "data": None, "train": None} == {**recipe.document, "data": None, "train": None}
    assert again.document["data"] == {**recipe.document["data"], **paths}
    assert again.document["train"] == {**recipe.document["train"], "init": str(tmp_path / "w.safetensors")}
    assert again.to_toml() == recipe.to_toml()
    assert set(tomllib.loads(recipe.to_toml())["train"]) == {*recipe.document["train"]} - {"microbatch", "clip"}


def test_paths_are_relative_to_the_recipe(tmp_path, monkeypatch):
    """Not to the folder one happens to be in, where those of --set start from; absolute ones stay."""
    folder = tmp_path / "somewhere"
    folder.mkdir()
    text = TINY.replace('train = "', 'train = ["a.tar", "/abs/b.tar"]  # "').replace('val = "', 'val = "../v"  # "')
    folder.joinpath("r.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("somewhere/r.toml")
    assert recipe.paths("train") == [f"{folder}/a.tar", "/abs/b.tar"]
    assert recipe.paths("val") == [f"{folder}/../v"]
    assert (recipe.name, recipe.base) == ("r", folder)
    set_here = load_recipe("somewhere/r.toml", ['data.train=["a.tar", "/abs/b.tar"]', "data.val=v"])
    assert set_here.paths("train") == [f"{tmp_path}/a.tar", "/abs/b.tar"]
    assert set_here.paths("val") == [f"{tmp_path}/v"]


def test_shipped_recipes_are_named_without_a_path(tmp_path, monkeypatch):
    """From any folder; a file of one's own comes first; an unknown name is answered with a near one and the list."""
    monkeypatch.chdir(tmp_path)
    assert find_recipe("tiny") == shipped.recipes()["tiny"]
    assert message(find_recipe, "tinny").startswith("no recipe 'tinny'; did you mean 'tiny'?: give the path of a .toml")
    assert ", ".join(shipped.recipes()) in message(find_recipe, tmp_path)
    Path("tiny").write_text("mine")
    assert find_recipe("tiny") == Path("tiny")


@pytest.mark.parametrize("name", shipped.recipes())
def test_every_shipped_recipe_is_valid(name):
    """And says in its header comment how it is run."""
    assert load_recipe(name).name == Path(name).name
    assert f"i2sbkit train recipes/{name}.toml" in shipped.recipes()[name].read_text("utf-8")


STRANGER = """
import i2sbkit
from typing import TYPE_CHECKING
class Part(i2sbkit.Corruption):
    def __init__(self, amount: ANNOTATION, gain: float = 1, **others):
        self.amount, self.gain = amount, gain
    def corrupt(self, x0, rng):
        return i2sbkit.Observation(x0)
@i2sbkit.hookimpl
def corruptions():
    return {"dirt": Part}
"""


def test_a_strangers_options_are_as_strict(tiny_recipe):
    """The schema of a part is its factory's signature; what a **kwargs would swallow is refused all the same."""
    registry = with_plugin(STRANGER.replace("ANNOTATION", "int"))
    text = TINY.replace('name = "jpeg"\nquality = 10', 'name = "dirt"\namount = 3')
    tiny_recipe.write_text(text)
    assert load_recipe(tiny_recipe, registry=registry).document["corruption"] == {
        "name": "dirt",
        "amount": 3,
        "gain": 1,
    }
    tiny_recipe.write_text(text.replace("amount = 3", "amount = 3.5\ngian = 2"))
    told = message(load_recipe, tiny_recipe, registry=registry)
    assert "corruption.amount: must be an integer, got 3.5" in told
    assert "corruption.gian: unknown key; did you mean 'gain'?" in told


@pytest.mark.parametrize("annotation", ["'Unheard'", "i2sbkit.Operator.__call__"])
def test_a_plugin_whose_options_cannot_be_read_is_named(annotation, tiny_recipe):
    """An annotation that does not resolve, or is no type, is the plugin's fault: the message says whose."""
    registry = with_plugin(STRANGER.replace("ANNOTATION", annotation))
    tiny_recipe.write_text(TINY.replace('name = "jpeg"\nquality = 10', 'name = "dirt"\namount = 3'))
    with pytest.raises(Error, match=r"i2sbkit-stranger 1\.0 \(plugin 'stranger'\): the options of corruption 'dirt'"):
        load_recipe(tiny_recipe, registry=registry)
