"""The variance-exploding bridge of DDBM (Zhou et al. 2024, arXiv 2309.16948, Table 1)."""

from dataclasses import dataclass

import torch

import i2sbkit

from .ddbm import Ddbm, pinned

RHO = 7


@dataclass(frozen=True, kw_only=True)
class Ve(Ddbm):
    """x_t = (1 - t^2 / T^2) x0 + t^2 / T^2 x1 + t sqrt(1 - t^2 / T^2) z.

    The nodes are 0 and then even in t^(1/7) from `t_min` to T, as DDBM walks them (Karras et al. 2022, Eq. 5): even in
    t, nearly all would hold more noise than picture. Training draws them evenly.

    Args:
        t_max: T, the deviation that the free diffusion reaches; the paper has 80. The noise peaks at T / 2.
        t_min: the first t above 0, below t_max.
        std, correlation, steps: see `Ddbm`.
    """

    t_max: float = 80.0
    t_min: float = 0.002

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 3:
            raise i2sbkit.Error(f"steps must be at least 3, got {self.steps}")
        if not 0 < self.t_min < self.t_max <= 1e4:
            raise i2sbkit.Error(
                f"t_min must be > 0 and below t_max, t_max at most 10000, got {self.t_min} and {self.t_max}"
            )

    def tables(self) -> i2sbkit.Tables:
        ends = self.t_min ** (1 / RHO), self.t_max ** (1 / RHO)
        inner = torch.linspace(*ends, self.steps - 1, dtype=torch.float64) ** RHO
        t = torch.cat([torch.zeros(1, dtype=torch.float64), inner])
        return pinned(torch.ones_like(t), t**2, t, earliest=self.t_min)


@i2sbkit.hookimpl
def schedules() -> dict[str, type]:
    return {"ve": Ve}
