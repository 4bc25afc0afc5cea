"""A network in one process, or whole in each of several (DDP); split among them it is in `sharding`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from ..ema import Ema


class Alone:
    """A network in one process, and its state as a checkpoint takes it.

    Attributes:
        net: the network, by whose parameters an optimiser goes.
        module: what to call for training: gradients become those of the mean loss over all processes.
    """

    module: nn.Module

    def __init__(self, net: nn.Module) -> None:
        self.net = self.module = net

    def unsummed(self) -> AbstractContextManager[None]:
        """Within the block gradients add up in their process, until a backward pass outside it."""
        return nullcontext()

    def network_state(self) -> Mapping[str, Any]:
        """The state of the network; whole, and where it is not at hand, nothing in all processes but the first."""
        return self.net.state_dict()

    def averaged_state(self, ema: Ema) -> Mapping[str, Any]:
        """The same with averaged parameters."""
        return {**self.net.state_dict(), **ema.shadow}

    def optimizer_state(self, optimizer: Optimizer) -> Mapping[int, Mapping[str, Tensor]]:
        """The state of an optimiser, by the number of its parameter; whole as that of the network."""
        state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
        return state

    def whole(self, tensor: Tensor) -> Tensor:
        """A number of the network, such as a norm, as all processes together have it."""
        return tensor

    def placed(self, tensor: Tensor, like: Tensor) -> Tensor:
        """A whole tensor as one of the network's lies here."""
        return tensor


class Replicated(Alone):
    """A network that is whole in each process; DDP sums the gradients while they are computed."""

    module: DistributedDataParallel

    def __init__(self, net: nn.Module, device: torch.device) -> None:
        self.net = net
        # True of 1x1 kernels in channels_last, whose two ways to say one layout it takes for two layouts.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides", UserWarning)
        own = [device] if device.type == "cuda" else None
        self.module = DistributedDataParallel(net, device_ids=own, gradient_as_bucket_view=True)

    def unsummed(self) -> AbstractContextManager[None]:
        """See `Alone.unsummed`."""
        return self.module.no_sync()
