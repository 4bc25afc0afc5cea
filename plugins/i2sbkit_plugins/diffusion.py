"""Plain conditional diffusion (Ho et al. 2020; Song et al. 2021, VP; for pictures as Palette, Saharia et al. 2022).

What I2SB is compared with: it starts from noise, and the degraded picture is only shown to the network.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

import i2sbkit

MOST_STEPS = 100_000


@dataclass(frozen=True, kw_only=True)
class Diffusion(i2sbkit.BridgeSchedule):
    """x_t = A x0 + C z, A^2 = exp(-(beta_min t + (beta_max - beta_min) t^2 / 2)), C^2 = 1 - A^2; x1 has no part in it.

    With the default rates this is the linear schedule of DDPM and ADM in continuous time (Song et al. 2021, Eq. 33).
    `sde` on it is DDPM (Ho et al. 2020, Eq. 7), `ode` is DDIM (Song et al. 2021, arXiv 2010.02502, Eq. 12), `dbim` is
    DDIM with its eta.

    Args:
        beta_min: the rate at t = 0, > 0.
        beta_max: the rate at t = 1, at least beta_min; below 10 what sampling starts from is no longer noise alone.
        target: of the network: "noise", z; or "velocity", A z - C x0 (Salimans & Ho 2022), which stays sound at few
            evaluations.
        unconditional: learn clean pictures alone, with bridge.cond_x1 = false: what inverse methods such as DDNM start
            from, which are told the damage when they restore.
        steps: N, the number of nodes; 2 to 100,000.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    target: Literal["noise", "velocity"] = "noise"
    unconditional: bool = False
    steps: int = 1000

    def __post_init__(self) -> None:
        if not 2 <= self.steps <= MOST_STEPS:
            raise i2sbkit.Error(f"steps must be at least 2 and at most {MOST_STEPS}, got {self.steps}")
        if not 0 < self.beta_min <= self.beta_max <= 100:
            got = f"got {self.beta_min} and {self.beta_max}"
            raise i2sbkit.Error(f"beta_min must be > 0, beta_max at least that and at most 100, {got}")
        if self.target not in ("noise", "velocity"):
            raise i2sbkit.Error(f"target must be noise or velocity, got {self.target!r}")

    def tables(self) -> i2sbkit.Tables:
        t = torch.linspace(0, 1, self.steps, dtype=torch.float64)
        exponent = self.beta_min * t + (self.beta_max - self.beta_min) * t * t / 2
        return i2sbkit.Tables(
            mean_x0=torch.exp(-exponent / 2),
            mean_x1=torch.zeros_like(t),
            std=(-torch.expm1(-exponent)).sqrt(),
            label_std=torch.expm1(exponent).sqrt(),  # C / A
            time=1000 * t,
        )

    def posterior(self, n: int, m: int) -> i2sbkit.Step:
        """DDPM, Eq. 7, between any two nodes."""
        (a_n, c_n), (a_m, c_m) = self._at(n), self._at(m)
        g = a_n / a_m * (c_m / c_n) ** 2
        return i2sbkit.Step(a_m - g * a_n, g, 0.0, c_m * max(1 - (a_n * c_m / (a_m * c_n)) ** 2, 0.0) ** 0.5)

    def noiseless(self, n: int, m: int) -> i2sbkit.Step:
        """DDIM: the noise that x_n holds is kept."""
        (a_n, c_n), (a_m, c_m) = self._at(n), self._at(m)
        return i2sbkit.Step(a_m - c_m / c_n * a_n, c_m / c_n, 0.0, 0.0)

    def label(self, x0: Tensor, x_n: Tensor, n: Tensor | int) -> Tensor:
        a, c = (i2sbkit.at_node(table, n, x_n) for table in (self.curves.mean_x0, self.curves.std))
        z = (x_n - a * x0) / c
        return z if self.target == "noise" else a * z - c * x0

    def predict_x0(self, x_n: Tensor, output: Tensor, n: Tensor | int) -> Tensor:
        a, c = (i2sbkit.at_node(table, n, x_n) for table in (self.curves.mean_x0, self.curves.std))
        return (x_n - c * output) / a if self.target == "noise" else a * x_n - c * output

    def start(self, x1: Tensor, rng: i2sbkit.Rng) -> Tensor:
        return float(self.curves.std[-1]) * rng.normal_like(x1)

    def _at(self, n: int) -> tuple[float, float]:
        return float(self.curves.mean_x0[n]), float(self.curves.std[n])


@i2sbkit.hookimpl
def schedules() -> dict[str, type]:
    return {"diffusion": Diffusion}
