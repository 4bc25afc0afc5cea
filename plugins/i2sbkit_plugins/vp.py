"""The variance-preserving bridge of DDBM (Zhou et al. 2024, arXiv 2309.16948, Table 1)."""

from dataclasses import dataclass

import torch

import i2sbkit

from .ddbm import Ddbm, pinned


@dataclass(frozen=True, kw_only=True)
class Vp(Ddbm):
    """alpha^2 = exp(-(beta_min t + beta_d t^2 / 2)), rho^2 = 1 / alpha^2 - 1, t from 0 to 1 in even steps.

    With v = rho^2 / rho_1^2: x_t = alpha (1 - v) x0 + alpha / alpha_1 v x1 + alpha rho sqrt(1 - v) z.

    Args:
        beta_min: the rate at t = 0, > 0; the paper has 0.1.
        beta_d: by how much it grows until t = 1, at least 0; the paper has 2.
        std, correlation, steps: see `Ddbm`.
    """

    beta_min: float = 0.1
    beta_d: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 < self.beta_min <= 20 and 0 <= self.beta_d <= 40):
            got = f"got {self.beta_min} and {self.beta_d}"
            raise i2sbkit.Error(f"beta_min must be > 0 and at most 20, beta_d at least 0 and at most 40, {got}")

    def tables(self) -> i2sbkit.Tables:
        t = torch.linspace(0, 1, self.steps, dtype=torch.float64)
        exponent = self.beta_min * t + self.beta_d * t * t / 2
        return pinned(torch.exp(-exponent / 2), torch.expm1(exponent), t, earliest=1e-4)


@i2sbkit.hookimpl
def schedules() -> dict[str, type]:
    return {"vp": Vp}
