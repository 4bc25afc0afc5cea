"""Reports to TensorBoard: event files in the run folder, `tensorboard --logdir runs`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

import i2sbkit


class TensorBoard(i2sbkit.Logger):
    """Scalars and pictures in `<run>/tensorboard`.

    Raises:
        i2sbkit.Error: the package tensorboard is not installed.
    """

    def __init__(self, run: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise i2sbkit.Error(
                f'the logger tensorboard needs a package: pip install "i2sbkit[tensorboard]" ({error})'
            ) from error
        self._folder = run / "tensorboard"
        self._open = SummaryWriter
        self._writer: Any = None

    def _at(self, step: int) -> Any:
        """The writer, opened at the first step reported: what an earlier run wrote from there on is void."""
        if self._writer is None:
            self._writer = self._open(str(self._folder), purge_step=step)
        return self._writer

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._at(step).add_scalar(name, value, step)

    def picture(self, step: int, name: str, image: Tensor) -> None:
        self._at(step).add_image(name, (image.float() + 1).div(2).clamp(0, 1).cpu(), step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@i2sbkit.hookimpl
def loggers() -> dict[str, type]:
    return {"tensorboard": TensorBoard}
