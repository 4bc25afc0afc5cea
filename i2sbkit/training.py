"""The training loop: Algorithm 1 over shards, resumable to the bit."""

from __future__ import annotations

import math
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from .data import TrainingSet, open_data, training_batches
from .distributed import World
from .files import sweep
from .kernel import registry
from .kernel.errors import Error
from .order import share_of
from .recipe import Recipe
from .reporting import Bar, JsonLines, Logger, Loggers
from .resuming import find_state, load_state, maths_of, save_state
from .shards import Index
from .stopping import Stopped, stop_requests
from .trainer import Trainer, learning_rate
from .validation import Validation

LOG_EVERY = 10


def train(
    recipe: Recipe,
    run: Path,
    device: torch.device,
    resume: str = "auto",
    world: World = World(),  # noqa: B008 - a value
) -> dict[str, Any]:
    """Train a recipe in a run folder until its iterations are done; the same call again goes on where it stopped.

    Args:
        resume: "auto" goes on from the newest state in `run`; "never" wants an empty run; else the path of a state.
        world: the processes that train together, each of which makes this call; the first one writes and reports.

    Returns:
        What was done: weights file, step, images seen by the network, seconds, last metrics.

    Raises:
        Error: the recipe does not fit the run that is there or the world, the loss is not finite, or the data cannot
            be read.
        Stopped: a signal came; the state is saved.
    """
    options = recipe.train
    with world.agreed():
        share_of(options.batch, world.size)
        index = open_data(recipe, "train")
        data, validation = TrainingSet.of(recipe, index), Validation.of(recipe)
    world.check_same({**maths_of(recipe), "data.train": _described(index)})
    state = world.shared(lambda: find_state(recipe, run, resume, index))
    trainer = Trainer(recipe, device, world)
    with world.agreed():
        start = load_state(trainer, state) if state else 0
        report = Report(recipe, run, start, world)
    batches = training_batches(
        data, start * options.batch, options.batch, workers=recipe.data.workers, rank=world.rank, world=world.size
    )
    with report, stop_requests() as stop:
        over = "; done already: a higher train.iterations goes on" if start >= options.iterations else ""
        report.bar.say(f"{run}: step {start} of {options.iterations}, {_size(trainer):,} parameters{over}")
        while trainer.step < options.iterations:
            with world.agreed():
                batch = next(batches)
            loss, norm = trainer.train_step(batch)
            step, stopping = trainer.step, world.largest(stop.signum or 0)  # a signal from here on is for the next step
            done = step == options.iterations
            saving = step % options.save_every == 0 or done or stopping > 0
            if saving or step % LOG_EVERY == 0:
                report.numbers(trainer, loss, norm)
            if saving:
                save_state(trainer, run, index)
            if stopping and not done:
                raise Stopped(f"stopped at step {step}, state saved; the same command goes on from there", stopping)
            if validation and (step % options.val_every == 0 or done):
                report.pictures(trainer, validation)
        return {
            "weights": str(run / "weights.safetensors"),
            "step": trainer.step,
            "images": trainer.step * options.batch,
            "seconds": report.seconds(),
            **report.metrics,
        }


class Report:
    """What a training says: to its loggers, to `samples/` and to the terminal. Only the first process writes files.

    Raises:
        Error: the run folder cannot be made, or a logger lacks what it needs.
    """

    def __init__(self, recipe: Recipe, run: Path, start: int, world: World) -> None:
        self.recipe, self.run, self.start, self.world = recipe, run, start, world
        self.bar = Bar(recipe.train.iterations, start, "step")
        self._loggers = Loggers(_loggers(recipe, run, start) if world.first else [])
        self.metrics: dict[str, float] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Report:
        self.bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.__exit__(kind, error, trace)
        self._loggers.close()

    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def numbers(self, trainer: Trainer, loss: Tensor, norm: Tensor) -> None:
        """Report a step: the mean of the processes' losses.

        Raises:
            Error: its loss or gradient is not finite.
        """
        options, step = self.recipe.train, trainer.step
        loss = self.world.mean(loss)
        with self.world.agreed():
            self._check_finite("loss", float(loss), step)
            if options.precision != "fp16":  # there a step with an infinite gradient is left out, and the scale lowered
                self._check_finite("gradient", float(norm), step)
            rate = (step - self.start) * options.batch / self.seconds()
            self.metrics = {"loss": float(loss), "grad_norm": float(norm), "lr": learning_rate(options, step - 1)}
            self.metrics["images_per_second"] = rate
            self._loggers.log(step, self.metrics)
        self.bar.show(step, f"loss {float(loss):.4f}  {rate:.1f} images/s")

    def pictures(self, trainer: Trainer, validation: Validation) -> None:
        """Report how the averaged network restores the held-out pictures.

        All processes restore all of them: there are few, none waits for another, and FSDP needs all.
        """
        with trainer.averaged() as net:
            found, picture = validation.measure(net, trainer.device)
        with self.world.agreed():
            self._loggers.log(trainer.step, found)
            self._loggers.picture(trainer.step, "validation", picture)
            if self.world.first:
                validation.write(self.run, trainer.step, picture)
        self.bar.say(f"step {trainer.step}: " + "  ".join(f"{name} {value:.2f}" for name, value in found.items()))
        self.metrics |= found

    def _check_finite(self, name: str, value: float, step: int) -> None:
        if not math.isfinite(value):
            raise Error(
                f"{self.run}: the {name} is {value} at step {step}; the last good state is kept. "
                "Try a lower train.lr, or train.clip = 1.0"
            )


def _loggers(recipe: Recipe, run: Path, start: int) -> list[Logger]:
    """`log.jsonl` and what the recipe names, in a run folder that is made and swept."""
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Error(f"{run}: cannot be a run folder ({error.strerror}); take another --out") from None
    sweep(run)
    named = (registry.default().get("logger", name).factory(run) for name in recipe.log.loggers)
    return [JsonLines(run, start), *named]


def _described(index: Index) -> str:
    return f"{len(index.samples)} photographs, fingerprint {index.fingerprint}"


def _size(trainer: Trainer) -> int:
    return sum(parameter.numel() for parameter in trainer.net.parameters())
