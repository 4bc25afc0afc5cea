"""`weights import` with a stranger's importer, and networks that are allocated and not filled in."""

import json
from functools import cache

import pytest
import torch
from fake_plugins import hook, install, message
from tiny_weights import tiny_recipe
from torch import nn

from i2sbkit.checkpoint import build_network, read_header, read_weights, skeleton
from i2sbkit.cli import execute
from i2sbkit.importing import Imported, import_weights
from i2sbkit.kernel import registry

READER = """
import json, torch, i2sbkit

def read(source):
    if source.suffix != ".json":
        return None
    text = json.loads(source.read_text())
    tensors = {name: torch.tensor(values) for name, values in text["tensors"].items()}
    assumed = ["train.lr = 0.1, at a guess", "it is June"]
    return i2sbkit.Imported(text["recipe"], tensors, assumed, {"licence": "CC0-1.0"})

@i2sbkit.hookimpl
def importers():
    return {"json": read}
"""


REFUSES = """
import i2sbkit

def read(source):
    raise i2sbkit.Error(f"{source}: torn")

@i2sbkit.hookimpl
def importers():
    return {"a": read}
"""


@pytest.fixture
def source(site, tmp_path):
    """A foreign checkpoint, and the plugin that reads such."""
    install(site, "i2sbkit-stranger", json=READER)
    recipe = tiny_recipe()
    tensors = {name: tensor.tolist() for name, tensor in build_network(recipe).state_dict().items()}
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps({"recipe": recipe.document, "tensors": tensors}))
    return path


def test_a_strangers_importer_is_asked(source, tmp_path, capsys):
    """Its tensors become weights that load; its facts are in the header, what it assumed and nobody set on stderr."""
    out = tmp_path / "w.safetensors"
    assert execute(["weights", "import", str(source), "--out", str(out), "--set", "train.lr=0.5"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (f"{out}\n", "assumed: it is June\n")
    assert read_header(out)["licence"] == "CC0-1.0"
    assert read_weights(out).recipe.train.lr == 0.5
    read_weights(out).build()


def test_tensors_must_fit_the_network_of_the_recipe(source, tmp_path):
    """Told by name and shape, and nothing is written."""
    told = message(import_weights, source, tmp_path / "w.safetensors", ["backbone.width=4"])
    assert told.startswith(f"{source}: does not fit the network of its recipe: ")
    assert not (tmp_path / "w.safetensors").exists()


def test_the_recipe_must_be_one(source, tmp_path):
    """Errors say whether the source or --set is to blame."""
    told = message(import_weights, source, tmp_path / "w.safetensors", ["backbone.depth=4", "train.lr=-1"])
    assert "--set: backbone.depth: unknown key" in told
    assert "--set: train.lr: " in told
    source.write_text(source.read_text().replace('"iterations": 200', '"iterations": -1'))
    assert f"{source}: train.iterations: " in message(import_weights, source, tmp_path / "w.safetensors")


def test_a_reader_that_refuses_does_not_keep_another_from_trying(source, site, tmp_path, monkeypatch):
    """Its reason is told where no other can read the file."""
    install(site, "i2sbkit-first", a=REFUSES)
    monkeypatch.setattr(registry, "default", cache(registry.default.__wrapped__))  # the fixture asked it already
    import_weights(source, tmp_path / "w.safetensors")
    other = source.rename(source.with_suffix(".txt"))
    assert message(import_weights, other, tmp_path / "v.safetensors") == f"{other}: torn"


def test_an_importer_that_gives_something_else_is_named(site, tmp_path):
    """The user learns whose fault it is."""
    install(site, "i2sbkit-odd", version="2.0", odd=hook("importers", "{'odd': lambda source: 3}"))
    tmp_path.joinpath("x").touch()
    told = message(import_weights, tmp_path / "x", tmp_path / "w.safetensors")
    assert "importer 'odd': i2sbkit-odd 2.0 (plugin 'odd') gave a int, which is no i2sbkit.Imported" in told


def test_the_file_to_write_is_checked_first(tmp_path):
    """Another suffix, a source that is not there."""
    assert "say w.bin.safetensors" in message(import_weights, tmp_path, tmp_path.relative_to(tmp_path) / "w.bin")
    assert "no such file or folder" in message(import_weights, tmp_path / "none", tmp_path / "w.safetensors")


def test_imported_asks_for_no_more_than_it_needs():
    """A recipe and tensors are enough."""
    assert Imported({}, {}).assumed == ()


class Odd(nn.Module):
    """A network with numbers that are no parameters, and one that is asked for while it is made."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)
        self.register_buffer("table", torch.arange(3.0), persistent=False)
        self.plain = torch.linspace(0, 1, 3)
        self.length = self.plain.sum().item()
        nn.init.constant_(self.table, 2.0)


def test_a_skeleton_differs_in_its_parameters_alone(monkeypatch):
    """Buffers and plain tensors are made as ever; parameters are left as they lay, and no random number is drawn."""
    recipe = tiny_recipe()
    monkeypatch.setattr(type(recipe.parts.backbone), "build", lambda self, i, o: Odd())
    before = torch.get_rng_state()
    net = skeleton(recipe)
    assert torch.equal(torch.get_rng_state(), before)
    assert net.linear.weight.shape == (4, 3)
    assert net.linear.weight.requires_grad
    assert (net.table.tolist(), net.length) == ([2.0, 2.0, 2.0], 1.5)
    build_network(recipe)
    assert not torch.equal(torch.get_rng_state(), before)
