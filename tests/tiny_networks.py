"""Feature networks of a few numbers, for tests; stand-ins for the published ones among them."""

import torch
from torch import nn

from i2sbkit.metrics import ModuleNetwork


class Tiny(nn.Module):
    """Pooled features (B, 6), scores of four classes and one map, by random weights."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.convolution = nn.Conv2d(3, 6, 3, padding=1)
        self.classes = nn.Linear(6, 4)

    def forward(self, images):
        """See the class."""
        seen = self.convolution(images).relu()
        pooled = seen.mean((2, 3))
        return pooled, self.classes(pooled), seen


def tiny(name="tiny", **options):
    """As a network."""
    return ModuleNetwork(name, Tiny(), "cpu", **options)


def scripted(folder, name="tiny.pt", module=None):
    """In a TorchScript file."""
    import warnings

    path = folder / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(module or Tiny()).save(path)
    return path
