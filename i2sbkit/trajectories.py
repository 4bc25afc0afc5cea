"""The way from a degraded picture to a restored one, node by node: shown and measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .api import Model, as_batch, as_observations, load
from .images import to_pil
from .kernel.errors import Error
from .kernel.interfaces import Sampler
from .restoring import Settings
from .sampling import last_state


@dataclass(frozen=True)
class Trajectory:
    """What a sampler went through with one picture.

    Distances are root mean squares over all values of a picture, in the units of [-1, 1].

    Attributes:
        nodes: the nodes at which the network was asked, in order, and 0 at the end: (k + 1).
        x: x_n at each of them, float32 (k + 1, C, H, W); the first is what sampling started from, the last the result.
        x0h: the clean estimate at each but the last, (k, C, H, W).
        reference: the clean picture (C, H, W), where it was given.
    """

    nodes: tuple[int, ...]
    x: Tensor
    x0h: Tensor
    reference: Tensor | None = None

    @property
    def travelled(self) -> Tensor:
        """How long the way was up to each node, (k + 1): the sum of the distances between neighbours."""
        steps = _rms(self.x[1:] - self.x[:-1])
        return torch.cat([torch.zeros(1), steps.cumsum(0)])

    @property
    def straight(self) -> float:
        """The distance from the first to the last."""
        return float(_rms(self.x[-1:] - self.x[:1]))

    @property
    def detour(self) -> float:
        """The way travelled in units of the straight line: 1 is the shortest; nan where nothing changed."""
        return float(self.travelled[-1]) / self.straight if self.straight else float("nan")

    @property
    def error(self) -> Tensor:
        """How far each clean estimate is from the reference, (k).

        Raises:
            Error: no reference was given.
        """
        if self.reference is None:
            raise Error("the error of x0h needs the clean picture: trajectory(..., reference=clean)")
        return _rms(self.x0h - self.reference)

    def table(self) -> list[dict[str, float | int | None]]:
        """A row for each evaluation, for printing, JSON or a data frame: n, travelled up to there, error or None."""
        errors: list[float | None] = [None] * len(self.x0h) if self.reference is None else self.error.tolist()
        rows = zip(self.nodes, self.travelled.tolist(), errors, strict=False)
        return [{"n": n, "travelled": way, "error": error} for n, way, error in rows]

    def strip(self, columns: int = 8) -> Image.Image:
        """A picture of it: x_n in the upper row, x0h in the lower one, and the result at the right of both.

        Args:
            columns: at most so many, at least 2, evenly chosen, the first and the last among them.
        """
        chosen = torch.linspace(0, len(self.x) - 1, min(max(columns, 2), len(self.x))).round().long()
        below = torch.cat([self.x0h, self.x[-1:]])
        rows = [torch.cat(list(row[chosen]), dim=2) for row in (self.x, below)]
        return to_pil(torch.cat(rows, dim=1))


def trajectory(
    model: Model | str | Path,
    image: Image.Image | np.ndarray | Tensor,
    *,
    reference: Image.Image | np.ndarray | Tensor | None = None,
    mask: Image.Image | np.ndarray | Tensor | None = None,
    kernel: str | Path | np.ndarray | Tensor | None = None,
    nfe: int | None = None,
    sampler: str | Sampler | None = None,
    eta: float | None = None,
    seed: int = 0,
    tile: int | None = None,
    precision: str = "fp32",
    force: bool = False,
    consistency: str | None = None,
) -> Trajectory:
    """Restore one picture and keep all that the sampler went through; it ends at what `Model.restore` gives.

    Args:
        model: from `i2sbkit.load`, or what that takes.
        image, mask, kernel, nfe, sampler, eta, seed, tile, precision, force, consistency: see `Model.restore`; one
            picture.
        reference: the clean picture, to measure estimates against.

    Raises:
        Error: see `Model.restore`; or several pictures, or a reference of another size.
    """
    model = model if isinstance(model, Model) else load(model)
    restorer = model.restorer(Settings(nfe, sampler, eta, seed, tile, precision, force, consistency=consistency))
    observations = as_observations(image, mask, kernel, restorer)
    if len(observations) != 1:
        raise Error(f"a trajectory is of one picture, got {len(observations)}")
    seen: list[tuple[int, Tensor, Tensor]] = []
    states = restorer.walk(observations, watch=_into(seen))
    result = _kept(last_state(states).x)
    nodes = (*(n for n, _, _ in seen), 0)
    clean = None if reference is None else _clean(reference, result)
    x = torch.cat([*(x_n for _, x_n, _ in seen), result])
    return Trajectory(nodes, x, torch.cat([x0h for _, _, x0h in seen]), clean)


def _into(seen: list[tuple[int, Tensor, Tensor]]) -> Callable[[int, Tensor, Tensor], None]:
    return lambda n, x_n, x0h: seen.append((n, _kept(x_n), _kept(x0h)))


def _kept(x: Tensor) -> Tensor:
    """A copy on the CPU that no inference mode bars from use."""
    return x.detach().float().cpu().clone()


def _clean(reference: Any, result: Tensor) -> Tensor:
    clean = as_batch(reference)
    if clean.shape != result.shape:
        sizes = f"{clean.shape[3]}x{clean.shape[2]}, the result {result.shape[3]}x{result.shape[2]}"
        raise Error(f"the reference is {sizes}; they must agree")
    return clean[0]


def _rms(x: Tensor) -> Tensor:
    """Root mean square of each (k, C, H, W) -> (k,)."""
    return x.square().mean(dim=(1, 2, 3)).sqrt()
