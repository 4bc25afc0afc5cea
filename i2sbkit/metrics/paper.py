"""The networks that published numbers were made with: FID's Inception, LPIPS's AlexNet and VGG-16, CA's ResNet-50.

Their architectures come from torchvision (the extra [paper]), their weights from files that are fetched by hand. In the
tests of i2sbkit stand-ins take their place, as neither can be had there: networks of the same outputs, given to a
`Scorer` in Python under the name with `_standin` after it, which the columns then carry too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..kernel.errors import Error
from .features import ModuleNetwork
from .weight_files import WeightFile
from .wrapping import Classifying, Layers, Resized, Scaled

PYTORCH = "https://download.pytorch.org/models/"
HEADS = "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/"
FILES = {
    "inception": WeightFile(
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    ),
    "resnet50": WeightFile(
        f"{PYTORCH}resnet50-0676ba61.pth", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"
    ),
    "alexnet": WeightFile(
        f"{PYTORCH}alexnet-owt-7be5be79.pth", "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
    ),
    "vgg16": WeightFile(
        f"{PYTORCH}vgg16-397923af.pth", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
    ),
    "alexnet heads": WeightFile(f"{HEADS}alex.pth", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
    "vgg16 heads": WeightFile(f"{HEADS}vgg.pth", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
}
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of colours in [0, 1] that torchvision's networks were trained with."""
LPIPS_SCALING = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Mean and deviation of colours in [-1, 1], from LPIPS's code (version 0.1)."""
RELUS = {"alexnet": (1, 4, 7, 9, 11), "vgg16": (3, 8, 15, 22, 29)}
"""The layers whose outputs LPIPS compares."""
LEAST = {"alexnet": 31, "vgg16": 16}
"""The smallest sides that leave a pixel at the last of these layers."""


def inception(device: torch.device | str) -> ModuleNetwork:
    """FID's features (2048), as clean-fid's legacy_pytorch: bilinear to 299x299 without antialiasing, in [-1, 1].

    Raises:
        Error: torchvision or the weights are missing.
    """
    weights = FILES["inception"].load()
    net = _torchvision("inception_v3", num_classes=1008, aux_logits=False, transform_input=False, init_weights=False)
    net.load_state_dict(weights)
    net.fc = nn.Identity()
    as_tensorflow(net)
    return ModuleNetwork("inception", Resized(net, 299, "bilinear"), device, sha256=_sha256("inception"))


def resnet50(device: torch.device | str) -> ModuleNetwork:
    """CA's classes, as I2SB's evaluation: bicubic to 224x224 without antialiasing or crop, torchvision's V1 weights.

    Raises:
        Error: torchvision or the weights are missing.
    """
    weights = FILES["resnet50"].load()
    net = _torchvision("resnet50")
    net.load_state_dict(weights)
    classifier, net.fc = net.fc, nn.Identity()
    features = nn.Sequential(Scaled(*IMAGENET, from_zero=True), net)
    module = Classifying(Resized(features, 224, "bicubic"), classifier)
    return ModuleNetwork("resnet50", module, device, sha256=_sha256("resnet50"))


def lpips(trunk: str) -> Callable[[torch.device | str], ModuleNetwork]:
    """LPIPS 0.1 with `alexnet` or `vgg16`: a function of the device, as the others here.

    Raises:
        Error: from that function, torchvision or the weights are missing.
    """

    def build(device: torch.device | str) -> ModuleNetwork:
        weights, heads = FILES[trunk].load(), FILES[f"{trunk} heads"].load()
        net = _torchvision(trunk)
        net.load_state_dict(weights)
        module = nn.Sequential(Scaled(*LPIPS_SCALING), Layers(list(net.features), RELUS[trunk]))
        flat = [head.flatten() for head in heads.values()]
        sha256 = _sha256(trunk, f"{trunk} heads")
        return ModuleNetwork(f"lpips_{trunk}", module, device, sha256=sha256, least=LEAST[trunk], heads=flat)

    return build


def as_tensorflow(net: nn.Module) -> None:
    """Change torchvision's Inception v3 into the one that FID was defined with.

    That one averages without the padding, and its last block takes the maximum (Heusel et al. 2017's network as ported
    by pytorch-fid). Each block pools its input for `branch_pool` alone, so that branch is given its input anew.
    """

    def average(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

    def largest(x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, stride=1, padding=1)

    for name, block in net.named_children():
        if hasattr(block, "branch_pool"):
            _repool(block, largest if name == "Mixed_7c" else average)


def _repool(block: Any, pool: Callable[[Tensor], Tensor]) -> None:
    inputs: list[Tensor] = []

    def remember(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        inputs[:] = given

    block.register_forward_pre_hook(remember)
    block.branch_pool.register_forward_pre_hook(lambda *_: (pool(inputs.pop()),))


def _torchvision(name: str, **options: Any) -> Any:
    try:
        from torchvision import models
    except (ImportError, RuntimeError):  # a build for another PyTorch fails in its own way
        raise Error('this needs torchvision, for the PyTorch that is here: pip install "i2sbkit[paper]"') from None
    return getattr(models, name)(weights=None, **options)


def _sha256(*files: str) -> str:
    return hashlib.sha256(f"paper 1 {[FILES[name].sha256 for name in files]}".encode()).hexdigest()
