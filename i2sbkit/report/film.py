"""The film of a walk: the states from degraded to restored, shrunk as they come."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .previews import FRAME_QUALITY, FRAME_SIDE, Preview, preview

FRAMES = 12
"""The most frames that are kept of a walk."""


@dataclass(frozen=True)
class Frame:
    """The state x_n at node n."""

    n: int
    picture: Preview


class Film:
    """Keeps frames of the first picture of a batch; its `watch` is one for `Restorer.walk`.

    Attributes:
        frames: in the order of the walk, at most `FRAMES`: of a longer walk evenly chosen ones, the ends among them.
    """

    def __init__(self, evaluations: int) -> None:
        steps = min(evaluations, FRAMES - 1)
        self._wanted = {round(k * evaluations / steps) for k in range(steps)}
        self._seen = 0
        self.frames: list[Frame] = []

    def watch(self, n: int, x_n: Tensor, x0h: Tensor) -> None:
        """A network evaluation at node n from the states x_n (B, 3, H, W)."""
        if self._seen in self._wanted:
            self._keep(n, x_n[0])
        self._seen += 1

    def end(self, x: Tensor) -> None:
        """The restored picture (3, H, W), as the last frame."""
        self._keep(0, x)

    def _keep(self, n: int, x: Tensor) -> None:
        self.frames.append(Frame(n, preview(x, FRAME_SIDE, FRAME_QUALITY)))
