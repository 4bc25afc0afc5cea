"""The bridge of a schedule, as training and sampling use it (I2SB: Liu et al. 2023, arXiv 2302.05872)."""

from functools import cached_property

import torch
from torch import Tensor

from .errors import Error
from .interfaces import BridgeSchedule, Spacing, Step, Tables, at_node
from .rng import Rng
from .spacing import along, evenly


class Bridge:
    """q(x_n | x0, x1) = N(A_n x0 + B_n x1, C_n^2 I) and the steps that follow from it.

    Args:
        schedule: the curves.
        ot_ode: the limit C = 0 (Liu et al. 2023, Prop. 3.4): no step draws noise. So are bridges without any.
        add_x1_noise: the bridge ends at the lifted observation plus N(0, 1), as the authors do where it has lost
            too much to start from (colour). What conditions the network stays clear.
    """

    def __init__(self, schedule: BridgeSchedule, ot_ode: bool = False, add_x1_noise: bool = False) -> None:
        self.schedule = schedule
        self.add_x1_noise = add_x1_noise
        self._ot_ode = ot_ode

    def __len__(self) -> int:
        """N, the number of nodes."""
        return len(self.tables.time)

    @cached_property
    def ot_ode(self) -> bool:
        """Whether no step draws noise: as asked for, or because the schedule has none."""
        return self._ot_ode or not bool(self.schedule.curves.std.any())

    @cached_property
    def from_noise(self) -> bool:
        """Whether x1 has no part in any x_n, as in plain diffusion: then it only conditions the network."""
        return not bool(self.schedule.curves.mean_x1.any())

    def check_conditions(self, cond_x1: bool) -> None:
        """See that the network learns of x1 at all, unless the schedule is of clean pictures alone.

        Raises:
            Error: plain diffusion whose network does not see x1, or with an option that only a bridge has; or a network
                that sees x1 on a schedule that is `unconditional`.
        """
        asked = {"ot_ode": self._ot_ode, "add_x1_noise": self.add_x1_noise}
        if self.schedule.unconditional and cond_x1:
            raise Error("an unconditional schedule shows the network no picture: set bridge.cond_x1=false")
        if self.from_noise and not (cond_x1 or self.schedule.unconditional):
            raise Error("this schedule starts from noise, so the network must see the picture: set bridge.cond_x1=true")
        if self.from_noise and any(asked.values()):
            wrong = " and ".join(f"bridge.{name}" for name in asked if asked[name])
            raise Error(f"this schedule starts from noise, not from the picture: leave out {wrong}")

    @cached_property
    def tables(self) -> Tables:
        """The schedule's curves, float64, with std = 0 for the OT-ODE."""
        t = self.schedule.curves
        return Tables(t.mean_x0, t.mean_x1, torch.zeros_like(t.std), t.label_std, t.time) if self.ot_ode else t

    @cached_property
    def trained_nodes(self) -> Tensor:
        """The nodes that training draws from: those with a label, label_std > 0."""
        return torch.nonzero(self.tables.label_std > 0).flatten()

    def nodes(self, nfe: int, spacing: Spacing = "uniform") -> list[int]:
        """nfe + 1 different nodes, descending from N-1 to 0.

        Args:
            spacing: "uniform", the authors'; "karras", even in label_std^(1/7), which is dense at the clean end (Karras
                et al. 2022, Eq. 5, as DDBM has it); "logsnr", even in `log_snr`.

        Raises:
            Error: nfe is not between 1 and N-1, or there is no such spacing.
        """
        if not 1 <= nfe < len(self):
            raise Error(f"nfe must be between 1 and {len(self) - 1} on this schedule, got {nfe}")
        if spacing == "uniform":
            return evenly(len(self) - 1, nfe)
        if spacing == "karras":
            sigma = self.tables.label_std
            return along(torch.where(sigma > 0, sigma, torch.nan) ** (1 / 7), nfe)
        if spacing == "logsnr":
            return along(self.log_snr, nfe)
        raise Error(f"spacing must be uniform, karras or logsnr, got {spacing!r}")

    @cached_property
    def log_snr(self) -> Tensor:
        """lambda = ln(A / C) at each node (N,), falling; ln(A / B) on an OT-ODE, where x1 is what hides x0."""
        t = self.tables
        return t.mean_x0.log() - (t.mean_x1 if self.ot_ode else t.std).log()

    def marginal(self, x0: Tensor, x1: Tensor, n: Tensor | int, rng: Rng) -> Tensor:
        """A draw of x_n given both ends (Eq. 11); x0 and x1 (B, C, H, W), n a node or one node an image (B,)."""
        t = self.tables
        mean = at_node(t.mean_x0, n, x0) * x0 + at_node(t.mean_x1, n, x0) * x1
        return mean if self.ot_ode else mean + at_node(t.std, n, x0) * rng.normal_like(x0)

    def label(self, x0: Tensor, x_n: Tensor, n: Tensor | int) -> Tensor:
        """What the network regresses (Eq. 12)."""
        return self.schedule.label(x0, x_n, n)

    def predict_x0(self, x_n: Tensor, output: Tensor, n: Tensor | int) -> Tensor:
        """The clean estimate that a network output stands for; the inverse of `label`."""
        return self.schedule.predict_x0(x_n, output, n)

    def input_scale(self, n: Tensor | int) -> Tensor | float:
        """What x_n is multiplied by before the network sees it."""
        return self.schedule.input_scale(n)

    def endpoint(self, lifted: Tensor, rng: Rng) -> Tensor:
        """What the bridge ends at, from the lifted observation."""
        x1 = self.schedule.endpoint(lifted, rng)
        return x1 + rng.normal_like(x1) if self.add_x1_noise else x1

    def start(self, x1: Tensor, rng: Rng) -> Tensor:
        """What sampling starts from; x1 itself in the limit C = 0 of a bridge."""
        return x1 if self.ot_ode and not self.from_noise else self.schedule.start(x1, rng)

    def posterior(self, n: int, m: int) -> Step:
        """The Markov posterior from node n to m < n (Eq. 4); for the OT-ODE the schedule's `noiseless` step."""
        return self.schedule.noiseless(n, m) if self.ot_ode else self.schedule.posterior(n, m)

    def generic(self, n: int, m: int, eta: float, boot: bool = False) -> Step:
        """The step that keeps every marginal, with a share eta in [0, 1] of the Markov posterior's noise.

        DBIM (Zheng et al. 2025, Eq. 11) and I3SB (Wang et al. 2024): with x_n = A_n x0 + B_n x1 + C_n z,
        w = eta w_max and g = sqrt(C_m^2 - w^2) / C_n.

        To node 0 it leads without noise, kept or fresh, as I3SB ends: the authors' tables have some there.

        Args:
            boot: x_n still is x1 itself and holds no noise to keep: all of C_m is drawn, whatever eta.

        Raises:
            Error: eta is not in [0, 1].
        """
        if not 0 <= eta <= 1:
            raise Error(f"eta must be in [0, 1], got {eta}")
        t = self.tables
        a_n, b_n, c_n = float(t.mean_x0[n]), float(t.mean_x1[n]), float(t.std[n])
        a_m, b_m, c_m = float(t.mean_x0[m]), float(t.mean_x1[m]), float(t.std[m])
        if boot or (m == 0 and c_n > 0):
            return Step(a_m, 0.0, b_m, c_m if boot else 0.0)
        w_max = self.schedule.posterior(n, m).std if self.from_noise else max(c_m**2 - (b_m * c_n / b_n) ** 2, 0) ** 0.5
        w = eta * w_max if c_n > 0 else w_max  # where x_n holds no noise there is none to keep
        g = (c_m**2 - w**2) ** 0.5 / c_n if c_n > 0 else b_m / b_n
        return Step(a_m - g * a_n, g, b_m - g * b_n, w)

    def step(
        self, x_n: Tensor, x0h: Tensor, x1: Tensor, n: int, m: int, rng: Rng, *, eta: float = 1.0, boot: bool = False
    ) -> Tensor:
        """x_m from x_n and x0h; eta = 1 is the Markov posterior, less is `generic`. Node 0 gets no noise."""
        markov = eta == 1.0 or self.ot_ode
        return take(self.posterior(n, m) if markov else self.generic(n, m, eta, boot), x_n, x0h, x1, m, rng)


def take(step: Step, x_n: Tensor, x0h: Tensor, x1: Tensor, m: int, rng: Rng) -> Tensor:
    """Carry out a step to node m; all tensors (B, C, H, W). No noise is drawn for node 0."""
    x_m = step.x0 * x0h
    x_m += step.xn * x_n  # in place: at 100 megapixels every tensor counts
    if step.x1 != 0.0:
        x_m += step.x1 * x1
    if step.std > 0.0 and m > 0:
        x_m += rng.normal_like(x_m).mul_(step.std)
    return x_m
