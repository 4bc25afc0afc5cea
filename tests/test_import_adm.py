"""ADM's published network: what `weights import` makes of it, and how training begins from that."""

import json
from pathlib import Path

import pytest
import torch
from fake_plugins import message

import i2sbkit
from i2sbkit.checkpoint import read_header, read_tensors, read_weights
from i2sbkit.importing import import_weights
from i2sbkit_plugins.adm import Adm
from i2sbkit_plugins.official_shapes import architecture

SMALL = Adm(16, 32, (1, 2), 1, (8,), 16)
SHAPES = Path(__file__).parent / "golden" / "adm256_uncond_shapes.json"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A small network of ADM's kind with the variance among its outputs, as guided-diffusion saves it."""
    torch.manual_seed(0)
    net = SMALL.build(3, 6)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    path = tmp_path_factory.mktemp("adm") / "16x16_diffusion_uncond.pt"
    torch.save(net.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def imported(published, tmp_path_factory):
    path = tmp_path_factory.mktemp("imported") / "adm.safetensors"
    import_weights(published, path, ["backbone.num_head_channels=16"])
    return path


def test_the_published_shapes_are_the_default_network():
    """Read off the shapes of 256x256_diffusion_uncond.pt, the options are the defaults of `adm`."""
    shapes = {name: tuple(shape) for name, shape in json.loads(SHAPES.read_text()).items()}
    found = architecture(shapes, 256)
    assert found.pop("name") == "adm"
    assert Adm(**{key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}) == Adm()


@pytest.mark.parametrize("options", [SMALL, Adm(64, 32, (1, 1, 1), 3, (), 64), Adm(32, 64, (2,), 2, (32,), 64)])
def test_options_are_read_off_shapes(options):
    """Levels, blocks, widths and where attention stands, whatever they are."""
    with torch.device("meta"):
        shapes = {name: tuple(p.shape) for name, p in options.build(6, 3).named_parameters()}
    found = architecture(shapes, options.image_size)
    for key in ("model_channels", "channel_mult", "num_res_blocks", "attention_resolutions"):
        value = found[key]
        assert (tuple(value) if isinstance(value, list) else value) == getattr(options, key)


def test_the_variance_is_cut_off(published, imported):
    """The first three outputs are kept, every other tensor is as it was."""
    before, after = torch.load(published, weights_only=True), read_tensors(imported)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor[:3] if name.startswith("out.2.") else tensor)
    recipe = read_header(imported)["recipe"]
    assert (recipe["backbone"]["image_size"], recipe["data"]["size"]) == (16, 16)
    assert read_header(imported)["licence"] == "MIT"


def test_it_restores_nothing(imported):
    """It was trained for another task: loading it to restore is an error that says what it is for."""
    for load in (lambda: i2sbkit.load(imported, "cpu"), lambda: read_weights(imported).build()):
        assert f"restores nothing, training begins from it: i2sbkit train RECIPE --init-from {imported}" in message(
            load
        )


def test_what_was_assumed_is_told(published, tmp_path):
    """Heads and the other sections; the size is in the file's name, or else that of the paper."""
    _, assumed = import_weights(published, tmp_path / "w.safetensors")
    told = "\n".join(assumed)
    for part in ("backbone.num_head_channels = 64", "backbone.image_size = 16, the size in its name", "jpeg-10", "MIT"):
        assert part in told
    other = tmp_path / "model.pt"
    other.symlink_to(published)
    _, assumed = import_weights(other, tmp_path / "other.safetensors")
    assert "backbone.image_size = 256, as in the network I2SB begins from" in "\n".join(assumed)
