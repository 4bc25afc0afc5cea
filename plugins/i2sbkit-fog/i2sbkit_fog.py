"""Light lost on its way, and stray light put in its place (Koschmieder 1924)."""

from dataclasses import dataclass
from math import exp

from torch import Generator, Tensor

import i2sbkit


@dataclass(frozen=True)
class Fog(i2sbkit.Corruption):
    """y = x0 exp(-density) + airlight (1 - exp(-density)): the scene fades into the light of the air.

    Koschmieder, "Theorie der horizontalen Sichtweite", 1924; the same density at every pixel.

    Args:
        density: optical depth of the scene, from 0, clear air, to 20, where a billionth of the light arrives.
        airlight: what is put in its place, from -1 (black) to 1 (white).
    """

    density: float = 0.7
    airlight: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.density <= 20:
            raise i2sbkit.Error(f"density must be in [0, 20], got {self.density}")
        if not -1 <= self.airlight <= 1:
            raise i2sbkit.Error(f"airlight must be in [-1, 1], got {self.airlight}")

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        return i2sbkit.Observation(self._clear * x0 + (1 - self._clear) * self.airlight)

    def operator(self, y: i2sbkit.Observation) -> i2sbkit.Operator:
        """A x0 = exp(-density) x0, which is its own adjoint; the offset is the airlight."""
        clear = self._clear
        return i2sbkit.Operator(
            A=lambda x: clear * x,
            At=lambda u: clear * u,
            pinv=lambda u: u / clear,
            offset=(1 - clear) * self.airlight,
        )

    @property
    def _clear(self) -> float:
        """The share of the light that arrives."""
        return exp(-self.density)


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"fog": Fog}
