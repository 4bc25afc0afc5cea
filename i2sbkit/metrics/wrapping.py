"""Modules around a network: what is done to pictures before it, and what is taken from it."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class Resized(nn.Module):
    """A network behind a resize to a square, by pixel centres and without antialiasing."""

    def __init__(self, net: nn.Module, side: int, mode: str) -> None:
        super().__init__()
        self.net, self._side, self._mode = net, side, mode

    def forward(self, images: Tensor) -> Tensor:
        """What the network makes of (B, 3, side, side)."""
        resized = F.interpolate(images, size=(self._side, self._side), mode=self._mode, align_corners=False)
        features: Tensor = self.net(resized)
        return features


class Scaled(nn.Module):
    """Colours less their mean, by their deviation; `from_zero` brings [-1, 1] to [0, 1] first."""

    def __init__(self, mean: Sequence[float], deviation: Sequence[float], from_zero: bool = False) -> None:
        super().__init__()
        self._mean, self._deviation, self._from_zero = mean, deviation, from_zero

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to the same."""
        colours = (images + 1) / 2 if self._from_zero else images
        mean, deviation = (images.new_tensor(values).view(3, 1, 1) for values in (self._mean, self._deviation))
        return (colours - mean) / deviation


class Classifying(nn.Module):
    """A network of features and what tells classes by them."""

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features, self.classifier = features, classifier

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, D) and scores (B, K)."""
        features = self.features(images)
        return features, self.classifier(features)


class Layers(nn.Module):
    """The outputs of some layers of a sequence."""

    def __init__(self, layers: Sequence[nn.Module], taken: Sequence[int]) -> None:
        super().__init__()
        self.layers, self._taken = nn.ModuleList(layers[: taken[-1] + 1]), frozenset(taken)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps, copied since the layer after may work in place."""
        maps = []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in self._taken:
                maps.append(x.clone())
        return tuple(maps)
