"""Reports to Weights & Biases; WANDB_MODE=offline keeps them in the run folder, WANDB_PROJECT names the project."""

import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

import i2sbkit


class Wandb(i2sbkit.Logger):
    """Scalars and pictures as a run named after the run folder; a run that is resumed goes on under its id.

    Raises:
        i2sbkit.Error: the package wandb is not installed, or could not start.
    """

    def __init__(self, run: Path) -> None:
        try:
            import wandb
        except ImportError as error:
            raise i2sbkit.Error(f'the logger wandb needs a package: pip install "i2sbkit[wandb]" ({error})') from error
        self._image = wandb.Image
        remembered = run / "wandb-id.txt"
        known = remembered.read_text("utf-8").strip() if remembered.is_file() else None
        project = os.environ.get("WANDB_PROJECT", "i2sbkit")
        try:
            self._run = wandb.init(dir=str(run), project=project, name=run.absolute().name, id=known, resume="allow")
        except wandb.Error as error:
            raise i2sbkit.Error(
                f"wandb did not start: {str(error).rstrip('.')}; try `wandb login`, or WANDB_MODE=offline"
            ) from error
        self._run.define_metric("*", step_metric="step")  # wandb's own counter refuses steps that a resumed run repeats
        remembered.write_text(self._run.id + "\n", "utf-8")

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log({"step": step, **metrics})

    def picture(self, step: int, name: str, image: Tensor) -> None:
        self._run.log({"step": step, name: self._image(i2sbkit.to_pil(image.detach()))})

    def close(self) -> None:
        self._run.finish()


@i2sbkit.hookimpl
def loggers() -> dict[str, type]:
    return {"wandb": Wandb}
