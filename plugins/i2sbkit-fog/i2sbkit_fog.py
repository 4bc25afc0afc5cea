"""Fog for i2sbkit: light lost on its way, and stray light put in its place (Koschmieder 1924)."""

from dataclasses import dataclass
from math import exp

from torch import Generator, Tensor

import i2sbkit


@dataclass(frozen=True)
class Fog(i2sbkit.Corruption):
    """y = x0 exp(-density) + airlight (1 - exp(-density)): the scene fades towards the colour of the fog.

    Koschmieder, "Theorie der horizontalen Sichtweite", 1924; the same density at every pixel.

    There is no `operator`: y is affine in x0, and an `Operator` has no room for the constant airlight.

    Args:
        density: optical depth of the scene, at least 0; 0 is clear air.
        airlight: colour of the fog, from -1 (black) to 1 (white).
    """

    density: float = 0.7
    airlight: float = 0.8

    def __post_init__(self) -> None:
        if not self.density >= 0:
            raise i2sbkit.Error(f"density must be at least 0, got {self.density}")
        if not -1 <= self.airlight <= 1:
            raise i2sbkit.Error(f"airlight must be in [-1, 1], got {self.airlight}")

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        clear = exp(-self.density)
        return i2sbkit.Observation(clear * x0 + (1 - clear) * self.airlight)


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"fog": Fog}
