"""Weights files: they explain themselves, load as they were, and a broken one is an Error that says what is wrong."""

import json
import os
import shutil
import struct

import pytest
import torch
from fake_plugins import message
from safetensors.torch import save_file
from tiny_training import TINY, write_tiny_weights

import i2sbkit
from i2sbkit.checkpoint import build_network, read_header, read_tensors, read_weights, save, write_weights
from i2sbkit.files import atomic, write_text
from i2sbkit.kernel.errors import Error
from i2sbkit.recipe import load_recipe
from i2sbkit.training.trainer import Trainer
from i2sbkit.weight_headers import KEY


def test_the_header_explains_the_file(tiny_weights):
    """Read with nothing but the standard library: sorted JSON of format, version, kind, step and the whole recipe."""
    with tiny_weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        text = json.loads(file.read(length))["__metadata__"]["i2sbkit"]
    header = json.loads(text)
    assert text == json.dumps(header, sort_keys=True)
    assert (header["format"], header["version"], header["kind"], header["step"]) == (
        1,
        i2sbkit.__version__,
        "weights",
        0,
    )
    assert header["recipe"] == load_recipe(tiny_weights.with_name("tiny-test.toml")).document
    assert header["recipe"]["corruption"] == {"name": "jpeg", "quality": 10, "subsampling": "4:2:0"}


def test_facts_are_kept(tiny_recipe, tmp_path):
    """Licence, metrics and whatever else is known of the weights come back."""
    write_weights(tmp_path / "w.safetensors", {}, load_recipe(tiny_recipe), licence="CC0-1.0", metrics={"psnr": 30.5})
    header = read_header(tmp_path / "w.safetensors")
    assert (header["licence"], header["metrics"]) == ("CC0-1.0", {"psnr": 30.5})


def test_weights_come_back_as_they_were(tiny_weights):
    """Tensors to the bit, and the recipe with the parts it names."""
    weights = read_weights(tiny_weights)
    document = load_recipe(tiny_weights.with_name("tiny-test.toml")).document
    assert weights.recipe.document == document
    net = weights.build()
    assert not net.training
    assert net.state_dict().keys() == weights.tensors.keys()
    assert all(torch.equal(tensor, weights.tensors[name]) for name, tensor in net.state_dict().items())
    assert net.intro.weight.is_contiguous(memory_format=torch.channels_last)


def test_the_same_weights_make_the_same_file(tiny_weights, tmp_path):
    """To the byte, so that files can be told apart by their hash."""
    recipe = tiny_weights.with_name("tiny-test.toml")
    assert write_tiny_weights(recipe, tmp_path / "again.safetensors").read_bytes() == tiny_weights.read_bytes()


def test_half_precision_loads_as_float32(tiny_weights, tmp_path):
    """Weights stored as float16 restore in float32, rounded once."""
    weights = read_weights(tiny_weights)
    halves = {name: tensor.half() for name, tensor in weights.tensors.items()}
    write_weights(tmp_path / "half.safetensors", halves, weights.recipe)
    for name, tensor in read_weights(tmp_path / "half.safetensors").build().state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, halves[name].float())


def with_header(path, text):
    """A safetensors file of one tensor with this text for our header."""
    save_file({"a": torch.zeros(1)}, path, None if text is None else {KEY: text})


def cut(path, weights, keep):
    path.write_bytes(weights.read_bytes()[:keep])


RECIPE = '"recipe": {}'
BROKEN = {
    "absent": (lambda path, weights: None, "no such weights file; `i2sbkit weights list`"),
    "a folder": (lambda path, weights: path.mkdir(), "no such weights file"),
    "empty": (lambda path, weights: path.touch(), "not a readable safetensors file"),
    "text": (lambda path, weights: path.write_text("weights " * 99), "not a readable safetensors file"),
    "a pickle": (lambda path, weights: torch.save({}, path), "not a readable safetensors file"),
    "cut in the length": (lambda path, weights: cut(path, weights, 5), "not a readable safetensors file"),
    "cut in the header": (lambda path, weights: cut(path, weights, 100), "not a readable safetensors file"),
    "cut in a tensor": (lambda path, weights: cut(path, weights, -1), "not a readable safetensors file"),
    "no header": (lambda path, weights: with_header(path, None), "not written by i2sbkit; .* `i2sbkit weights import`"),
    "no JSON": (lambda path, weights: with_header(path, "{"), "its i2sbkit header is damaged"),
    "a list": (lambda path, weights: with_header(path, "[]"), "its i2sbkit header is damaged"),
    "no format": (lambda path, weights: with_header(path, f"{{{RECIPE}}}"), "its i2sbkit header is damaged"),
    "a format of text": (lambda path, weights: with_header(path, f'{{"format": "1", {RECIPE}}}'), "header is damaged"),
    "no recipe": (lambda path, weights: with_header(path, '{"format": 1}'), "its i2sbkit header is damaged"),
    "a recipe of text": (lambda path, weights: with_header(path, '{"format": 1, "recipe": "x"}'), "header is damaged"),
    "newer": (
        lambda path, weights: with_header(path, '{"format": 2, "recipe": null}'),
        f"format 2 is newer than this i2sbkit {i2sbkit.__version__} knows; pip install -U i2sbkit",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_every_kind_of_broken_file_is_an_error(kind, tmp_path, tiny_weights):
    """The message begins with the path and says what is wrong, and no other exception comes through."""
    make, told = BROKEN[kind]
    path = tmp_path / "broken.safetensors"
    make(path, tiny_weights)
    for read in (read_header, read_weights):
        with pytest.raises(Error, match=told) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_the_recipe_in_a_header_is_checked(tmp_path, tiny_weights):
    """A part that is not installed, an option that is none, a section that is missing: all told, with the file."""
    recipe = json.loads(json.dumps(read_header(tiny_weights)["recipe"]))
    recipe["corruption"] = {"name": "fog", "density": 1.0}
    recipe["backbone"]["depth"] = 4
    del recipe["train"]
    path = tmp_path / "w.safetensors"
    save(path, {}, {"kind": "weights", "recipe": recipe})
    told = message(read_weights, path)
    assert told.startswith(f"{path}: its recipe cannot be used here: corruption.name: no corruption called 'fog'")
    assert "; train.lr: is required; " in told
    assert "; backbone.depth: unknown key" in told
    assert "\n" not in told
    save(path, {}, {"kind": "weights", "recipe": {**recipe, "data": 3}})
    assert message(read_weights, path).startswith(
        f"{path}: its i2sbkit header is damaged (its recipe is not made of sections)"
    )


def test_a_training_state_is_no_weights_file(tmp_path, tiny_recipe):
    """The message says where the weights are."""
    path = tmp_path / "state-00000001.safetensors"
    save(path, {}, {"kind": "state", "recipe": dict(load_recipe(tiny_recipe).document)})
    assert message(read_weights, path) == f"{path}: a training state; its weights lie beside it in weights.safetensors"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tensors: tensors.pop("intro.bias"), "it lacks 'intro.bias' (1 names differ)"),
        (
            lambda tensors: tensors.update(extra=torch.zeros(1)),
            "it has 'extra', which the network lacks (1 names differ)",
        ),
        (lambda tensors: tensors.clear(), "it lacks "),
        (
            lambda tensors: tensors.update({"intro.bias": torch.zeros(3)}),
            "'intro.bias' is (3,), the network has (4,)",
        ),
    ],
)
def test_weights_that_do_not_fit_their_recipe(change, told, tmp_path, tiny_weights):
    """A missing or surplus tensor and a wrong shape are told by name when the network is built."""
    weights = read_weights(tiny_weights)
    tensors = dict(weights.tensors)
    change(tensors)
    path = tmp_path / "w.safetensors"
    write_weights(path, tensors, weights.recipe)
    text = message(read_weights(path).build)
    assert text.startswith(f"{path}: does not fit the network of its recipe: ")
    assert told in text


def test_init_must_fit_too(tiny_recipe, tmp_path, tiny_weights):
    """train.init of another network is an Error; of the same one it is what training starts from."""
    shutil.copy(tiny_weights, tmp_path / "w.safetensors")
    tiny_recipe.write_text(TINY + 'init = "w.safetensors"\n')
    started = Trainer(load_recipe(tiny_recipe), torch.device("cpu")).net.state_dict()
    assert all(torch.equal(tensor, started[name]) for name, tensor in read_tensors(tiny_weights).items())
    wide = load_recipe(tiny_recipe, ["backbone.width=6"])
    assert "does not fit the network" in message(Trainer, wide, torch.device("cpu"))
    (tmp_path / "w.safetensors").unlink()
    absent = message(Trainer, load_recipe(tiny_recipe), torch.device("cpu"))
    assert absent.startswith(f"{tmp_path / 'w.safetensors'}: no such weights file")


def test_networks_see_x1_where_the_recipe_says_so(tiny_recipe):
    """cond_x1 doubles the channels that go in, not those that come out."""
    for cond_x1, channels in (("true", 6), ("false", 3)):
        net = build_network(load_recipe(tiny_recipe, [f"bridge.cond_x1={cond_x1}"]))
        assert net(torch.zeros(1, channels, 4, 4), torch.zeros(1)).shape == (1, 3, 4, 4)


def test_a_file_is_whole_or_as_it_was(tmp_path):
    """A write that fails leaves the old file, and nothing beside it; one that ends well has the umask's mode."""
    path = tmp_path / "folder" / "f.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_weights_that_cannot_be_stored_leave_the_old_file(tmp_path, tiny_recipe):
    """So it is with weights: a tensor that safetensors refuses does no harm to the file that is there."""
    path = tmp_path / "w.safetensors"
    write_weights(path, {"a": torch.ones(2)}, load_recipe(tiny_recipe))
    before = path.read_bytes()
    with pytest.raises(Exception, match=r".+"):
        write_weights(path, {"a": torch.ones(2).to_sparse()}, load_recipe(tiny_recipe))
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [tiny_recipe, path]
