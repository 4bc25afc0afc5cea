"""The training loop: Algorithm 1 over shards, resumable to the bit."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from ..argument_types import path_of
from ..data import Batch, TrainingSet, open_data, training_batches
from ..devices import pick_device
from ..distributed import World
from ..files import sweep
from ..kernel import registry
from ..locking import locked
from ..recipe import Recipe, load_recipe
from ..reporting import JsonLines, Logger, Loggers
from ..sources.order import share_of
from ..sources.shards import Index
from ..sources.skipping import Damaged, Skipped
from ..stopping import Stopped, stop_requests
from ..terminal import Bar
from .fitting import fitting
from .resuming import find_state, load_state, maths_of
from .saving import WEIGHTS, not_finite, save_state, save_weights, trained_on, weights_lag
from .trainer import Trainer, learning_rate
from .validation import SAMPLES, Validation

LOG_EVERY = 10


def train(
    recipe: Recipe | str | Path,
    run: str | Path,
    device: str | torch.device = "auto",
    resume: str = "auto",
    world: World = World(),  # noqa: B008 - a value
    strict: bool = False,
) -> dict[str, Any]:
    """Train a recipe in a run folder until its iterations are done; the same call again goes on where it stopped.

    Args:
        recipe: also its path, or the name of one that is shipped.
        run: the folder; made where it is not there.
        device: "auto" is CUDA, else Apple's MPS, else the CPU.
        resume: "auto" goes on from the newest state in `run`; "never" wants an empty run; else the path of a state.
        world: the processes that train together, each of which makes this call; the first one writes and reports.
        strict: damaged shards and photographs are an error; else they are left out, see `sources.skipping`.

    Returns:
        What was done: weights file, step, images seen by the network, seconds, what was damaged, last metrics.

    Raises:
        Error: the recipe is none, or does not fit the run that is there, the world or the memory; another process
            trains in the run folder; the loss is not finite; or the data cannot be read.
        Stopped: a signal came; the state is saved.
    """
    with world.agreed():
        recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        options, skipped, run = recipe.train, Skipped(strict), path_of(run, "run is the folder to train in")
        resume = str(path_of(resume, "resume is auto, never or the path of a state"))
        device = pick_device(device)
        share_of(options.batch, world.size)
        index = open_data(recipe, "train", skipped)
        data, validation = TrainingSet.of(recipe, index, strict), Validation.of(recipe, skipped)
        facts = trained_on(recipe, index)
    masks = facts.get("masks", "none")
    world.check_same({**maths_of(recipe), "data.train": _described(index), "data.masks": masks})
    with ExitStack() as stack:
        with world.agreed():
            if world.first:
                stack.enter_context(locked(run, "trains in it", "--out"))
        state = world.shared(lambda: find_state(recipe, run, resume, facts))
        with fitting(recipe, world.size, "before the first step"):
            trainer = Trainer(recipe, device, world)
        with world.agreed():
            start = load_state(trainer, state) if state else 0
            report = Report(recipe, run, start, world, skipped)
        batches = training_batches(
            data, start * options.batch, options.batch, workers=recipe.data.workers, rank=world.rank, world=world.size
        )
        stack.enter_context(report)
        over = "; done already: a higher train.iterations goes on" if start >= options.iterations else ""
        report.bar.say(f"{run}: step {start} of {options.iterations}, {_size(trainer):,} parameters{over}")
        _steps(trainer, batches, report, facts, validation)
        return {
            "weights": str(run / WEIGHTS),
            "step": trainer.step,
            "images": trainer.step * options.batch,
            "seconds": report.seconds(),
            **skipped.counts(),
            **report.metrics,
        }


def _steps(
    trainer: Trainer, batches: Iterator[Batch], report: Report, facts: Mapping[str, str], validation: Validation | None
) -> None:
    """Go on to the last step; first comes what was still to be made of the step that a state was saved at."""
    recipe, world, run, options = trainer.recipe, trainer.world, report.run, trainer.recipe.train
    with stop_requests() as stop:
        if trainer.step:
            _catch_up(trainer, report, facts, validation)
        while trainer.step < options.iterations:
            with fitting(recipe, world.size, f"in step {trainer.step + 1}"):
                with world.agreed():
                    batch = next(batches)
                report.found += batch.damaged
                loss, norm = trainer.train_step(batch)
            step, stopping = trainer.step, world.largest(stop.signum or 0)  # a signal from here on is for the next step
            done = step == options.iterations
            saving = step % options.save_every == 0 or done or stopping > 0
            if saving or step % LOG_EVERY == 0:
                report.numbers(trainer, loss, norm)
            if saving:
                save_state(trainer, run, facts)
            if stopping and not done:
                raise Stopped(f"stopped at step {step}, state saved; the same command goes on from there", stopping)
            if validation and validation.due(step):
                report.pictures(trainer, validation)


def _catch_up(trainer: Trainer, report: Report, facts: Mapping[str, str], validation: Validation | None) -> None:
    """Make what comes behind a state where it is missing, as a training ended in between: weights and validation."""
    world, run, step = trainer.world, report.run, trainer.step
    if world.shared(lambda: weights_lag(run, step)):
        save_weights(trainer, run, facts)
    if validation and validation.due(step) and world.shared(lambda: not validation.sheet(run, step).exists()):
        report.pictures(trainer, validation)


class Report:
    """What a training says: to its loggers, to `samples/` and to the terminal. Only the first process writes files.

    Attributes:
        found: photographs that this process found damaged, until they are reported.

    Raises:
        Error: a logger lacks what it needs.
    """

    def __init__(self, recipe: Recipe, run: Path, start: int, world: World, skipped: Skipped) -> None:
        self.recipe, self.run, self.start, self.world, self.skipped = recipe, run, start, world, skipped
        self.found: list[Damaged] = []
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
        """Report a step: the mean of the processes' losses, and all that was found damaged so far.

        Raises:
            Error: its loss or gradient is not finite.
        """
        options, step = self.recipe.train, trainer.step
        loss = self.world.mean(loss)
        self._damaged()
        with self.world.agreed():
            self._check_finite("loss", float(loss), step)
            if options.precision != "fp16":  # there a step with an infinite gradient is left out, and the scale lowered
                self._check_finite("gradient", float(norm), step)
            rate = (step - self.start) * options.batch / self.seconds()
            self.metrics = {"loss": float(loss), "grad_norm": float(norm), "lr": learning_rate(options, step - 1)}
            self.metrics["images_per_second"] = rate
            self.metrics |= {name: count for name, count in self.skipped.counts().items() if count}
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

    def _damaged(self) -> None:
        """Have the first process take note of what all have found."""
        if self.world.largest(len(self.found)):
            for damaged in [each for share in self.world.gathered(self.found) for each in share]:
                self.skipped.add(damaged)
            self.found = []

    def _check_finite(self, name: str, value: float, step: int) -> None:
        if not math.isfinite(value):
            raise not_finite(self.run, f"{name} is {value}", step)


def _loggers(recipe: Recipe, run: Path, start: int) -> list[Logger]:
    """`log.jsonl` and what the recipe names, in a run folder that is swept."""
    for folder in (run, run / SAMPLES):
        sweep(folder)
    named = (registry.default().get("logger", name).factory(run) for name in recipe.log.loggers)
    return [JsonLines(run, start), *named]


def _described(index: Index) -> str:
    return f"{len(index.samples)} photographs, fingerprint {index.fingerprint}"


def _size(trainer: Trainer) -> int:
    return sum(parameter.numel() for parameter in trainer.net.parameters())
