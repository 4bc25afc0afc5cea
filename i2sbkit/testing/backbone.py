"""What backbones promise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from ..ema import tied
from ..kernel.errors import Error
from ..kernel.interfaces import Backbone
from .promises import keep
from .reach import REACH
from .surroundings import TORCH, changed, seeded
from .values import VALUE

CLOSE = 1e-4
"""Of a network's largest output: float32 in another order."""
SHAKEN = 0.05
"""What is added to each parameter, as a deviation: many networks begin as the zero function, which hides all faults."""
CHANNELS = ((3, 3), (6, 3))
"""In and out: alone, and with x1 beside x_n."""
TIMES = (0.1, 500.0, 1000.0)


@dataclass(frozen=True)
class Built:
    """A backbone, its network in eval mode, and pictures for it.

    Attributes:
        x: (3, 6, H, W), as small as the backbone takes them; its sides differ.
    """

    backbone: Backbone

    @cached_property
    def net(self) -> nn.Module:
        """For six channels, with parameters that are nowhere 0."""
        return build(self.backbone, 6, 3)

    @cached_property
    def x(self) -> Tensor:
        height = smallest(self.backbone)
        return noise(3, 6, height, height + self.backbone.multiple_of)

    @cached_property
    def t(self) -> Tensor:
        """(3,)."""
        return torch.tensor(TIMES)


def check_backbone(backbone: Backbone) -> None:
    """See that a backbone and its network keep what the interface promises: promises.md, "Backbones".

    Raises:
        BrokenPromise: it does not.
    """
    keep(backbone, (*VALUE, says_what_it_needs, asks_of_a_device), "Backbones")
    keep(Built(backbone), (*SHAPES, *ALONE, *TRAINED, *REACH), "Backbones")


def build(backbone: Backbone, in_channels: int, out_channels: int, seed: int = 0) -> nn.Module:
    """A network of the backbone in eval mode, with something added to each parameter; the global generator stays."""
    with seeded(seed):
        net = backbone.build(in_channels, out_channels)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=SHAKEN)
    return net.eval()


def smallest(backbone: Backbone) -> int:
    """The smallest side that it takes, of 8 pixels at least."""
    unit = backbone.multiple_of
    return -(-max(backbone.min_size, 8) // unit) * unit


def noise(*shape: int) -> Tensor:
    """Numbers in [-1, 1]."""
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 1


def says_what_it_needs(backbone: Backbone) -> str | None:
    """`multiple_of` and `min_size` are whole numbers from 1, `receptive_field` one from 0, or None: the whole image."""
    sizes, reach = (backbone.multiple_of, backbone.min_size), backbone.receptive_field
    whole = all(isinstance(size, int) and size >= 1 for size in sizes)
    if whole and (reach is None or (isinstance(reach, int) and reach >= 0)):
        return None
    return f"multiple_of {sizes[0]!r}, min_size {sizes[1]!r}, receptive_field {reach!r}"


def asks_of_a_device(backbone: Backbone) -> str | None:
    """`check_device` says nothing, or raises `i2sbkit.Error`."""
    try:
        answer = backbone.check_device(torch.device("cpu"))  # type: ignore[func-returns-value]
    except Error:
        return None
    return None if answer is None else f"it answered {answer!r}"


def gives_a_picture(case: Built) -> str | None:
    """The network makes (B, in, H, W) float32 and t (B,) into (B, out, H, W) float32, finite, at any size it takes."""
    for inputs, outputs in CHANNELS:
        net = case.net if inputs == 6 else build(case.backbone, inputs, outputs)
        for x in (case.x[:2, :inputs], torch.cat([case.x.mT] * 2, dim=-1)[:2, :inputs]):
            with torch.inference_mode():
                y = net(x.contiguous(memory_format=torch.channels_last), case.t[:2])
            shape = (2, outputs, *x.shape[2:])
            if tuple(y.shape) != shape or y.dtype != torch.float32:
                return f"{tuple(y.shape)} {y.dtype} in place of {shape} torch.float32"
            if not y.isfinite().all():
                return f"numbers that are not finite, for {tuple(x.shape)}"
    return None


def leaves_its_input(case: Built) -> str | None:
    """Pictures and times are left as they were."""
    x, t = case.x.clone(), case.t.clone()
    _run(case.net, x, t)
    return None if torch.equal(x, case.x) and torch.equal(t, case.t) else "they were changed"


def minds_no_layout(case: Built) -> str | None:
    """It takes pictures in either order of memory, channels first or last."""
    last = case.x.contiguous(memory_format=torch.channels_last)
    off = _off(_run(case.net, case.x, case.t), _run(case.net, last, case.t))
    return f"the output differed by {off:.2g} of its largest" if off > CLOSE else None


def keeps_images_apart(case: Built) -> str | None:
    """In eval mode an image's output depends on that image and its time alone, and is the same each time."""
    together = _run(case.net, case.x, case.t)
    if not torch.equal(_run(case.net, case.x, case.t), together):
        return "another output the second time"
    alone = torch.cat([_run(case.net, case.x[k : k + 1], case.t[k : k + 1]) for k in range(len(case.x))])
    off = _off(together, alone)
    return f"in a batch it differed by {off:.2g} of the largest output" if off > CLOSE else None


def works_quietly(case: Built) -> str | None:
    """Building and running change nothing that others share, but that building draws from torch's global generator."""
    with seeded(0):
        found = changed(lambda: case.backbone.build(3, 3)) - {TORCH}
    found |= changed(lambda: _run(case.net, case.x, case.t))
    return f"it changed {' and '.join(sorted(found))}" if found else None


def names_once(case: Built) -> str | None:
    """Each parameter has one name, under which it is averaged and stored."""
    names = tied(case.net)
    return f"{names[0]} is another parameter too" if names else None


def builds_again(case: Built) -> str | None:
    """`build` gives a new network each time, the same from the same seed; weights saved of one fit another."""
    first, second = case.net.state_dict(), build(case.backbone, 6, 3).state_dict()
    if first.keys() != second.keys():
        return f"other tensors: {', '.join(sorted(first.keys() ^ second.keys()))}"
    shared = [name for name in first if first[name].numel() and first[name].data_ptr() == second[name].data_ptr()]
    if shared:
        return f"two networks with one {shared[0]}"
    different = [name for name in first if not torch.equal(first[name], second[name])]
    if different:
        return f"another {different[0]} from the same seed"
    del second  # there are networks that fill a memory
    other = build(case.backbone, 6, 3, seed=1)
    other.load_state_dict(first, strict=True)
    off = _off(_run(case.net, case.x, case.t), _run(other, case.x, case.t))
    return f"with the same weights the output differed by {off:.2g} of its largest" if off > CLOSE else None


def learns(case: Built) -> str | None:
    """Every parameter, and the picture, has a part in the output, with a gradient that is finite."""
    case.net.train()
    try:
        x = case.x.clone().requires_grad_()
        named = {name: each for name, each in case.net.named_parameters() if each.requires_grad}
        loss = case.net(x, case.t).square().mean()
        found = torch.autograd.grad(loss, [x, *named.values()], allow_unused=True)
    finally:
        case.net.eval()
    for name, gradient in zip(["the picture", *named], found, strict=True):
        if gradient is None:
            return f"{name} has no part in the output"
        if not gradient.isfinite().all():
            return f"the gradient of {name} is not finite"
    return None


SHAPES = (gives_a_picture, leaves_its_input)
ALONE = (keeps_images_apart, minds_no_layout, works_quietly)
TRAINED = (names_once, builds_again, learns)


def _run(net: nn.Module, x: Tensor, t: Tensor) -> Tensor:
    with torch.inference_mode():
        y: Tensor = net(x, t)
    return y


def _off(first: Tensor, again: Tensor) -> float:
    """The largest difference, of the largest number."""
    return float((first - again).abs().max() / first.abs().max().clamp_min(1e-9))
