"""A network whose parameters, gradients, moments and averages are split among processes (FSDP2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict, get_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from ..ema import Ema
from .parallel import Alone

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
"""Put together from the processes' shares, on the first one's CPU; the others get nothing."""


class Sharded(Alone):
    """A network split among processes, one module at a time whole: the entries of module lists, then what is left.

    Its tensors lie in the common order (FSDP2 takes no other), so convolutions see it less fast than channels_last.
    """

    def __init__(self, net: nn.Module, device: torch.device, size: int) -> None:
        mesh = init_device_mesh(device.type, (size,))
        super().__init__(net)
        for block in (*_blocks(net), net):
            # Never kept whole after forward: averages put in for a validation, and out again, would not be seen.
            self._root: FSDPModule = fully_shard(block, mesh=mesh, reshard_after_forward=True)

    @contextmanager
    def unsummed(self) -> Iterator[None]:
        """See `Alone.unsummed`; meanwhile each process holds the whole gradient."""
        self._root.set_requires_gradient_sync(False)
        yield
        self._root.set_requires_gradient_sync(True)

    def network_state(self) -> Mapping[str, Any]:
        """See `Alone.network_state`."""
        return get_model_state_dict(self.net, options=WHOLE)

    def averaged_state(self, ema: Ema) -> Mapping[str, Any]:
        """See `Alone.averaged_state`."""
        with ema.applied():
            return self.network_state()

    def optimizer_state(self, optimizer: Optimizer) -> Mapping[int, Mapping[str, Tensor]]:
        """See `Alone.optimizer_state`."""
        by_name: Any = get_optimizer_state_dict(self.net, optimizer, options=WHOLE).get("state", {})
        trained = [name for name, parameter in self.net.named_parameters() if parameter.requires_grad]
        return {number: by_name[name] for number, name in enumerate(trained) if name in by_name}

    def whole(self, tensor: Tensor) -> Tensor:
        """See `Alone.whole`."""
        return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor

    def placed(self, tensor: Tensor, like: Tensor) -> Tensor:
        """See `Alone.placed`; each process takes its share, and none is sent."""
        if not isinstance(like, DTensor):
            return tensor
        return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The entries of module lists that are called, and hold parameters."""
    for child in module.children():
        called = not isinstance(child, nn.ModuleList | nn.ModuleDict)
        if called and isinstance(module, nn.ModuleList):
            if any(True for _ in child.parameters()):
                yield child
        else:
            yield from _blocks(child)
