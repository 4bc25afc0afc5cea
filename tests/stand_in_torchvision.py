"""A torchvision with small networks of random weights in place of the published ones, and files of their weights."""

import dataclasses
import hashlib
import sys
import types
from pathlib import Path

import torch
import torch.nn.functional as F
import torchmetrics
from torch import nn

from i2sbkit.metrics import paper, weight_files

LPIPS_HEADS = Path(torchmetrics.__file__).parent / "functional/image/lpips_models"
"""The published heads, as torchmetrics ships them."""


class Block(nn.Module):
    """As Inception's: one branch of its own, and one behind a pooling that counts padding."""

    def __init__(self):
        super().__init__()
        self.branch, self.branch_pool = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        """(B, 3, H, W) to (B, 6, H, W)."""
        return torch.cat([self.branch(x), self.branch_pool(F.avg_pool2d(x, 3, 1, 1))], 1)


class StandInInception(nn.Module):
    """Two such blocks."""

    def __init__(self, num_classes, aux_logits, transform_input, init_weights):
        super().__init__()
        assert (num_classes, aux_logits, transform_input, init_weights) == (1008, False, False, False)
        self.Mixed_5b, self.between, self.Mixed_7c = Block(), nn.Conv2d(6, 3, 1), Block()
        self.fc = nn.Linear(6, 1008)

    def forward(self, x):
        """(B, 1008)."""
        return self.fc(self.Mixed_7c(self.between(self.Mixed_5b(x))).mean((2, 3)))


class StandInResNet(nn.Module):
    """Features and a classifier."""

    def __init__(self):
        super().__init__()
        self.body, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)

    def forward(self, x):
        """(B, 10)."""
        return self.fc(self.body(x).mean((2, 3)))


class StandInTrunk(nn.Module):
    """Convolutions at the published widths, and ReLUs where LPIPS looks."""

    def __init__(self, relus, widths):
        super().__init__()
        layers, channels = [], 3
        for index in range(relus[-1] + 2):
            if index in relus:
                layers.append(nn.ReLU(inplace=True))
            elif index + 1 in relus:
                width = widths[relus.index(index + 1)]
                layers.append(nn.Conv2d(channels, width, 1))
                channels = width
            else:
                layers.append(nn.Identity())
        self.features = nn.Sequential(*layers)


NETS = {
    "inception_v3": lambda **options: StandInInception(**options),
    "resnet50": StandInResNet,
    "alexnet": lambda: StandInTrunk(paper.RELUS["alexnet"], (64, 192, 384, 256, 256)),
    "vgg16": lambda: StandInTrunk(paper.RELUS["vgg16"], (64, 128, 256, 512, 512)),
}


def install(folder, monkeypatch):
    """Put them where torchvision and the published files are looked for; the networks by name."""
    models = types.ModuleType("torchvision.models")
    vars(models).update({name: _without_download(build) for name, build in NETS.items()})
    torchvision = types.ModuleType("torchvision")
    torchvision.models = models
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    monkeypatch.setenv(weight_files.VARIABLE, str(folder))
    nets = {"inception": StandInInception(1008, False, False, False)}
    nets |= {name: NETS[name]() for name in ("resnet50", "alexnet", "vgg16")}
    for name, net in nets.items():
        path = folder / paper.FILES[name].name
        torch.save(net.state_dict(), path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(paper.FILES, name, dataclasses.replace(paper.FILES[name], sha256=sha256))
    for name in ("alex.pth", "vgg.pth"):
        (folder / name).write_bytes((LPIPS_HEADS / name).read_bytes())
    return nets


def _without_download(build):
    def model(weights, **options):
        assert weights is None, "nothing is downloaded"
        return build(**options)

    return model
