"""The published networks, with STAND-INS for torchvision and for the weights: neither can be had here.

What is tested is everything around them: files, preprocessing, how Inception is changed, and that stand-ins are marked.
"""

import hashlib
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from stand_in_torchvision import LPIPS_HEADS, install
from tiny_networks import Tiny, tiny

from i2sbkit import Error
from i2sbkit.metrics import ModuleNetwork, Scorer, feature_network, paper, weight_files


def noise(seed=0, width=40, height=36):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Networks by the names of their files; torchvision builds the like, and finds their weights."""
    return install(tmp_path, monkeypatch)


def test_fid_sees_pictures_as_clean_fid_does(stand_ins):
    """Bilinear to 299 pixels without antialiasing, averages without padding, a maximum in the last block."""
    net = stand_ins["inception"]
    x = F.interpolate(noise()[None], size=(299, 299), mode="bilinear", align_corners=False)
    with torch.no_grad():
        for block, pooled in (
            (net.Mixed_5b, lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
            (net.Mixed_7c, lambda x: F.max_pool2d(x, 3, 1, 1)),
        ):
            x = torch.cat([block.branch(x), block.branch_pool(pooled(x))], 1)
            x = net.between(x) if block is net.Mixed_5b else x
    look = feature_network("inception", "cpu").look(noise()[None])
    torch.testing.assert_close(look.pooled, x.mean((2, 3)))
    assert look.classes is None


def test_ca_sees_pictures_as_i2sb_does(stand_ins):
    """Bicubic to 224 pixels without antialiasing or crop, ImageNet's mean and deviation, the true label."""
    x = F.interpolate((noise()[None] + 1) / 2, size=(224, 224), mode="bicubic", align_corners=False)
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in paper.IMAGENET)
    with torch.no_grad():
        wanted = int(stand_ins["resnet50"]((x - mean) / deviation).argmax())
    scorer = Scorer(["ca", "agreement_resnet50"], "cpu")
    for label in (wanted, wanted + 1):
        values = scorer.score(noise(), scorer.prepared(noise(), label=label)).values
        assert values == {"ca": float(label == wanted), "agreement_resnet50": 1.0}
    with pytest.raises(Error, match="column ca: the pictures carry no class labels; agreement_resnet50 needs none"):
        scorer.prepared(noise())


@pytest.mark.parametrize(("name", "trunk", "heads"), [("lpips", "alexnet", "alex"), ("lpips_vgg", "vgg16", "vgg")])
def test_lpips_by_its_definition(stand_ins, name, trunk, heads):
    """The published heads and scaling, on the ReLUs of the stand-in's trunk."""
    shift, scale = (torch.tensor(values).view(3, 1, 1) for values in paper.LPIPS_SCALING)
    weights = torch.load(LPIPS_HEADS / f"{heads}.pth", weights_only=True, map_location="cpu")
    wanted = 0.0
    with torch.no_grad():
        a, b = ((noise(seed)[None] - shift) / scale for seed in (0, 1))
        for index, layer in enumerate(stand_ins[trunk].features):
            a, b = layer(a), layer(b)
            if index in paper.RELUS[trunk]:
                head = weights[f"lin{paper.RELUS[trunk].index(index)}.model.1.weight"]
                difference = F.normalize(a, dim=1) - F.normalize(b, dim=1)
                wanted += float(F.conv2d(difference**2, head).mean())
            a, b = a.clone(), b.clone()
    scorer = Scorer([name], "cpu")
    assert scorer.score(noise(0), scorer.prepared(noise(1))).values[name] == pytest.approx(wanted, rel=1e-4)
    assert scorer.higher_is_better == {name: False}


def test_the_heads_that_are_asked_for_are_those_that_torchmetrics_ships():
    """So their digests are the published ones."""
    for trunk, name in (("alexnet", "alex.pth"), ("vgg16", "vgg.pth")):
        found = hashlib.sha256((LPIPS_HEADS / name).read_bytes()).hexdigest()
        assert (paper.FILES[f"{trunk} heads"].name, paper.FILES[f"{trunk} heads"].sha256) == (name, found)


@pytest.mark.parametrize("name", ["inception", "resnet50", "alexnet", "vgg16"])
def test_digests_are_those_in_the_names(name):
    """The published files carry the first eight digits."""
    file = paper.FILES[name]
    assert len(file.sha256) == 64
    assert file.name.endswith(f"-{file.sha256[:8]}.pth")


@pytest.mark.parametrize(
    ("column", "file"),
    [
        ("fid", "pt_inception-2015-12-05-6726825d.pth"),
        ("kid", "pt_inception-2015-12-05-6726825d.pth"),
        ("lpips", "alexnet-owt-7be5be79.pth"),
        ("lpips_vgg", "vgg16-397923af.pth"),
        ("ca", "resnet50-0676ba61.pth"),
        ("agreement_resnet50", "resnet50-0676ba61.pth"),
    ],
)
def test_without_weights_what_to_fetch_is_said(tmp_path, monkeypatch, column, file):
    """File, address and folder, in one line; nothing is downloaded."""
    monkeypatch.setenv(weight_files.VARIABLE, str(tmp_path))
    with pytest.raises(Error) as caught:
        Scorer([column], "cpu")
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / file} is missing, and nothing is downloaded: fetch https://")
    assert said.endswith(f"/{file} to that folder (I2SBKIT_METRICS)")


def test_the_folder_is_in_the_cache_unless_named(monkeypatch):
    """Where the variable is not set."""
    monkeypatch.delenv(weight_files.VARIABLE, raising=False)
    assert weight_files.folder() == Path.home() / ".cache/i2sbkit/metrics"


def test_other_weights_are_refused(stand_ins, tmp_path):
    """A file that is not the published one would give numbers under its name."""
    with (tmp_path / "resnet50-0676ba61.pth").open("ab") as file:
        file.write(b"more")
    with pytest.raises(Error, match=r"resnet50-0676ba61.pth: not the published file, SHA-256 [0-9a-f]{64}; fetch http"):
        Scorer(["ca"], "cpu")


def test_without_torchvision_the_extra_is_named(stand_ins, monkeypatch):
    """Also where it is there and made for another PyTorch."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(Error, match=r'torchvision, for the PyTorch that is here: pip install "i2sbkit\[paper\]"'):
        Scorer(["fid"], "cpu")


def test_networks_are_told_apart_by_their_files(stand_ins):
    """For caches of features."""
    names = ("inception", "resnet50", "lpips_alexnet", "lpips_vgg16", "efflite0")
    found = [feature_network(name, "cpu") for name in names]
    assert [network.name for network in found] == list(names)
    assert len({network.sha256 for network in found}) == 5


def test_stand_ins_mark_their_columns():
    """Given in Python under a published network's name and `_standin`, they measure under that mark only."""
    heads = [torch.arange(6.0)]
    scorer = Scorer(
        ["fid", "kid", "lpips", "ca", "agreement_resnet50", "frechet_tiny"],
        "cpu",
        networks=[
            tiny("inception_standin"),
            ModuleNetwork("lpips_alexnet_standin", Tiny(), "cpu", heads=heads),
            tiny("resnet50_standin"),
            tiny(),
        ],
    )
    assert list(scorer.higher_is_better) == [
        "fid_standin", "kid_standin", "lpips_standin", "ca_standin", "agreement_resnet50_standin", "frechet_tiny",
    ]  # fmt: skip
    assert scorer.set_columns == ("fid_standin", "kid_standin", "frechet_tiny")
    prepared = scorer.prepared(noise(), label=0)
    assert prepared.pooled.keys() == {"inception_standin", "tiny"}
    assert scorer.score(noise(1), prepared).values.keys() == set(scorer.picture_columns)
