"""The four nouns: Corruption, BridgeSchedule, Backbone, Sampler.

Images are float32 in [-1, 1]. A corruption works on one image (C, H, W); networks and samplers work on batches
(B, C, H, W). Masks: 1 = missing. Node 0 is the clean end x0, node N-1 the degraded end x1.

Parts are values: write each as a frozen dataclass whose fields are the options of its recipe section. A part holds
no device, file or state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Generator, Tensor, nn

from .errors import NotLinear

if TYPE_CHECKING:
    from .bridge import Bridge
    from .rng import Rng

Denoise = Callable[[Tensor, int], Tensor]
"""What stands between a network and a sampler: (x_n (B, C, H, W), node n) -> x0h (B, C, H, W), the estimate of x0."""
Spacing = Literal["uniform", "karras", "logsnr"]
"""How the nodes of a walk are chosen; see `Bridge.nodes`."""


@dataclass(frozen=True)
class Observation:
    """A degraded image as the world hands it over.

    Attributes:
        image: (C, h, w) in [-1, 1]; smaller than the clean (C, H, W) for super-resolution.
        mask: (1, h, w), 1 = missing; None where nothing is.
        params: what was drawn and an operator needs (kernel, quality, ...). A corruption that is a codec puts the
            encoded bytes under "file": `i2sbkit degrade` then writes them as they are.
    """

    image: Tensor
    mask: Tensor | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Operator:
    """The linear map of one observation, as functions on single images: y.image = A x0 + offset.

    Attributes:
        A: (C, H, W) -> (C, h, w).
        At: its adjoint, (C, h, w) -> (C, H, W): <A x, y> = <x, At y>.
        pinv: its pseudo-inverse, with A pinv A = A; None where none is known.
        offset: what the observation holds whatever x0 is, such as the fill of its holes; a number or (C, h, w).
    """

    A: Callable[[Tensor], Tensor]
    At: Callable[[Tensor], Tensor]
    pinv: Callable[[Tensor], Tensor] | None = None
    offset: Tensor | float = 0.0


class Corruption(ABC):
    """What damages an image, in two halves: simulate the damage, and place the result on the bridge."""

    scale: int = 1
    """H / h: by how much the observation is smaller than the clean image."""
    masks: bool = False
    """Whether parts of its observations may be missing, so that a mask goes with them."""

    @abstractmethod
    def corrupt(self, x0: Tensor, rng: Generator) -> Observation:
        """Simulate the damage: x0 (C, H, W) in [-1, 1] -> Observation. That of the data raises `NotSimulated`."""

    def lift(self, y: Observation, rng: Generator) -> Tensor:
        """Place an observation on the bridge as x1 (C, H, W), the size of the clean image. Default: as it is."""
        return y.image

    def operator(self, y: Observation) -> Operator:
        """The linear map that made `y`.

        Raises:
            NotLinear: this corruption has none.
        """
        raise NotLinear(f"{type(self).__name__} is not a linear corruption: it has no operator")

    def projection(self, y: Observation) -> Callable[[Tensor], Tensor] | None:
        """The map from a picture (C, H, W) to the nearest that `y` can be of; None: the operator's is taken.

        For what is not linear, or where a better one is known than a regularised pseudo-inverse.

        Raises:
            NotLinear: `y` says too little of its damage.
        """
        return None


@dataclass(frozen=True)
class Tables:
    """A bridge q(x_n | x0, x1) = N(mean_x0 x0 + mean_x1 x1, std^2 I) over N nodes; each entry (N,) float64.

    Attributes:
        mean_x0: A, from about 1 at node 0 to about 0 at node N-1.
        mean_x1: B.
        std: C.
        label_std: what divides the regression label, and what the spacing "karras" goes by: it rises with n. Nodes
            where it is 0 are not trained on.
        time: what the network is told of node n.

    Raises:
        ValueError: not all (N,) float64 and finite, or a negative deviation.
    """

    mean_x0: Tensor
    mean_x1: Tensor
    std: Tensor
    label_std: Tensor
    time: Tensor

    def __post_init__(self) -> None:
        for name, table in vars(self).items():
            if table.dtype != torch.float64 or table.dim() != 1 or len(table) != len(self.time):
                raise ValueError(f"{name} must be (N,) float64 like the others, got {tuple(table.shape)} {table.dtype}")
            if not table.isfinite().all() or (name.endswith("std") and (table < 0).any()):
                raise ValueError(f"{name} must be finite, and a deviation not negative")


@dataclass(frozen=True)
class Step:
    """One move to node m: x_m = x0 * x0h + xn * x_n + x1 * x1 + std * z, z standard normal."""

    x0: float
    xn: float
    x1: float
    std: float


class BridgeSchedule(ABC):
    """A bridge between x0 and x1: three curves, what the network regresses, and how a step is made."""

    unconditional: bool = False
    """Whether the network learns clean pictures alone: then only consistency tells a restoration of the observation."""

    @abstractmethod
    def tables(self) -> Tables:
        """The curves, computed anew; users of a schedule read `curves`."""

    @cached_property
    def curves(self) -> Tables:
        """`tables()`, computed once."""
        with torch.inference_mode(False):  # else a first use while sampling would bar them from autograd for good
            return self.tables()

    def posterior(self, n: int, m: int) -> Step:
        """The Markov posterior q(x_m | x_n, x0h) for m < n (Liu et al. 2023, Eq. 4, in the general form).

        The default follows from the tables: there x1 drops out. A bridge that keeps x1 in its posterior overrides it.
        """
        t = self.curves
        g = float(t.mean_x1[m] / t.mean_x1[n])
        variance = float(t.std[m] ** 2 - (g * t.std[n]) ** 2)
        return Step(float(t.mean_x0[m] - g * t.mean_x0[n]), g, 0.0, max(variance, 0.0) ** 0.5)

    def noiseless(self, n: int, m: int) -> Step:
        """The step from node n to m < n that draws no noise: the posterior's mean, on a bridge the limit C = 0."""
        step = self.posterior(n, m)
        return Step(step.x0, step.xn, step.x1, 0.0)

    def label(self, x0: Tensor, x_n: Tensor, n: Tensor | int) -> Tensor:
        """What the network is trained to give at node n (Liu et al. 2023, Eq. 12): (x_n - x0) / label_std_n."""
        return (x_n - x0) / at_node(self.curves.label_std, n, x_n)

    def predict_x0(self, x_n: Tensor, output: Tensor, n: Tensor | int) -> Tensor:
        """The inverse of `label` in x0: the clean image that the network's output stands for."""
        return x_n - at_node(self.curves.label_std, n, x_n) * output

    def input_scale(self, n: Tensor | int) -> Tensor | float:
        """What x_n is multiplied by before the network sees it: a number, or (B,) for one node an image."""
        return 1.0

    def endpoint(self, lifted: Tensor, rng: Rng) -> Tensor:
        """What the bridge ends at, from the lifted observation."""
        return lifted

    def start(self, x1: Tensor, rng: Rng) -> Tensor:
        """What sampling starts from: x1 itself, a noisy copy where the bridge is not pinned to it, or noise alone."""
        return x1


def at_node(table: Tensor, n: Tensor | int, x: Tensor) -> Tensor:
    """table[n] ready to multiply x: a scalar for a node number, (B, 1, 1, 1) for one node an image."""
    value = table[n if isinstance(n, int) else n.to(table.device)].to(x.device, x.dtype)
    return value if isinstance(n, int) else value.reshape(-1, *[1] * (x.dim() - 1))


class Backbone(ABC):
    """A recipe for a network: what it needs of its input, and how to build it."""

    multiple_of: int = 1
    """Height and width must be multiples of this; the host pads."""
    min_size: int = 1
    """Smallest height and width it takes; the host pads."""
    receptive_field: int | None = None
    """How far, in pixels, an input pixel reaches an output pixel; None: over the whole image."""

    @abstractmethod
    def build(self, in_channels: int, out_channels: int) -> nn.Module:
        """A network with forward(x (B, in, H, W), t (B,)) -> (B, out, H, W)."""

    def check_device(self, device: torch.device) -> None:
        """See that `device` can do what the options ask for; by default they ask for nothing special.

        Where it raises, the host does not train, and restores with a warning: the network must then go on without,
        to the same numbers.

        Raises:
            Error: it cannot; the message begins with the option, such as `attention = "xformers" cannot run on cpu`.
        """
        return


@dataclass(frozen=True)
class State:
    """Where a sampler stands after a step.

    Attributes:
        n: the node of x.
        x: x_n (B, C, H, W).
        x0h: the clean estimate that led here (B, C, H, W).
    """

    n: int
    x: Tensor
    x0h: Tensor


class Sampler(ABC):
    """A way to walk a bridge from x1 to x0."""

    nfe: int
    """An upper bound on the calls of `denoise`."""
    stochastic: bool = True
    """Whether a step may draw noise; such samplers do not fit weights trained on an OT-ODE bridge."""

    @abstractmethod
    def sample(self, denoise: Denoise, bridge: Bridge, x1: Tensor, rng: Rng) -> Iterator[State]:
        """Walk from x1 (B, C, H, W) to node 0, one `State` a step; the last one holds the result."""
