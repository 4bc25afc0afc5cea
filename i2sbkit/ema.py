"""Exponential moving average of a network's parameters."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def tied(net: nn.Module) -> list[str]:
    """The names of parameters that are others under a second name; such a network cannot be averaged and stored."""
    once = dict(net.named_parameters())
    return [name for name, _ in net.named_parameters(remove_duplicate=False) if name not in once]


class Ema:
    """shadow = d shadow + (1 - d) parameter after each step, d = min(decay, (1 + k) / (10 + k)) at update k.

    The warm-up is torch_ema's, which the authors of I2SB train with; as there, frozen parameters are left alone.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._parameters = {name: parameter for name, parameter in net.named_parameters() if parameter.requires_grad}
        self.shadow = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the parameters as they are now."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self.shadow.values()), list(self._parameters.values()), 1 - decay)

    def load(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Continue from saved averages."""
        self.updates = updates
        for name, shadow in self.shadow.items():
            shadow.copy_(tensors[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block the network holds the averages."""
        kept = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._fill(self.shadow)
        try:
            yield
        finally:
            self._fill(kept)

    @torch.no_grad()
    def _fill(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.copy_(values[name])
