"""The training loop: Algorithm 1 over shards, resumable to the bit."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import build_network, load_tensors, read_header, read_tensors
from .data import Batch, TrainingSet, training_batches
from .ema import Ema
from .kernel import registry
from .kernel.algorithms import training_loss
from .kernel.errors import Error
from .kernel.rng import Rng, derive_seed
from .recipe import Recipe, TrainSection
from .reporting import Bar, JsonLines, Loggers
from .resuming import find_state, load_state, save_state
from .sampling import DTYPES
from .shards import open_index
from .stopping import Stopped, stop_requests
from .validation import Validation


LOG_EVERY = 10


class Trainer:
    """All that changes while training: network, averages, optimiser, loss scale; and the step they stand at."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        options = recipe.train
        self.recipe, self.device, self.step = recipe, device, 0
        torch.manual_seed(derive_seed(options.seed, "init"))
        self.net = build_network(recipe)
        if options.init:
            path = recipe.base / options.init
            read_header(path)
            load_tensors(self.net, {name: tensor.float() for name, tensor in read_tensors(path).items()}, path)
        self.net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward: nn.Module = torch.compile(self.net) if options.compile else self.net  # type: ignore[assignment]
        self.ema = Ema(self.net, options.ema)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=options.lr, betas=options.betas, weight_decay=options.weight_decay, fused=True
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "fp16")

    def train_step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """One optimiser step on a batch, accumulated from microbatches; the mean loss and the gradient's norm."""
        options = self.recipe.train
        self.net.train()
        torch.manual_seed(derive_seed(options.seed, "dropout", self.step))
        rate = learning_rate(options, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total = torch.zeros((), device=self.device)
        for part in batch.split(options.microbatch or len(batch)):
            loss = self._loss(part) * (len(part) / len(batch))
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), options.clip or math.inf)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.ema.update()
        self.step += 1
        return total, norm

    def _loss(self, part: Batch) -> Tensor:
        """The loss of a microbatch; the noise of each sample follows from the seed and the sample's counter."""
        recipe, device = self.recipe, self.device
        rng = Rng((derive_seed(recipe.train.seed, "noise", counter) for counter in part.counters), device)
        x0, lifted, mask = (
            None if t is None else t.to(device, memory_format=torch.channels_last)
            for t in (part.x0, part.x1, part.mask)
        )
        assert x0 is not None and lifted is not None
        dtype = DTYPES[recipe.train.precision]
        autocast = nullcontext() if dtype is torch.float32 else torch.autocast(device.type, dtype)
        with autocast:
            return training_loss(
                self.forward, recipe.parts.bridge, x0, lifted, rng, mask=mask, cond_x1=recipe.bridge.cond_x1
            )

    def weights(self) -> dict[str, Tensor]:
        """The network's state with averaged parameters: what restores."""
        return {**self.net.state_dict(), **self.ema.shadow}

    @contextmanager
    def averaged(self) -> Iterator[nn.Module]:
        """The network with its averaged parameters, in evaluation mode."""
        with self.ema.applied():
            yield self.net.eval()


def check_finite(loss: float, step: int, run: Path) -> float:
    """The loss, if it is a number.

    Raises:
        Error: it is not; the last state saved is from before.
    """
    if math.isfinite(loss):
        return loss
    raise Error(
        f"{run}: the loss is {loss} at step {step}; the last good state is kept. Try a lower train.lr, or train.clip = 1.0"
    )


def learning_rate(options: TrainSection, step: int) -> float:
    """The rate at a step: linear warm-up, then falling by `lr_gamma` every `lr_step`, or as a cosine to 2 % of `lr`."""
    warm = min(1.0, (step + 1) / options.warmup) if options.warmup else 1.0
    if options.schedule == "step":
        return options.lr * warm * float(options.lr_gamma ** (step // options.lr_step))
    progress = min(1.0, step / options.iterations)
    return options.lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def train(recipe: Recipe, run: Path, device: torch.device, resume: str = "auto") -> dict[str, Any]:
    """Train a recipe in a run folder until its iterations are done; the same call again goes on where it stopped.

    Args:
        resume: "auto" goes on from the newest state in `run`; "never" wants an empty run; else the path of a state.

    Returns:
        What was done: weights file, step, images seen, seconds, final metrics.

    Raises:
        Error: the recipe does not fit the run that is there, the loss is not finite, or the data cannot be read.
        Stopped: a signal came; the state is saved.
    """
    options = recipe.train
    index = open_index(recipe.paths("train"))
    data = TrainingSet.of(recipe, index)
    validation = Validation.of(recipe)
    state = find_state(recipe, run, resume, index)
    run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(recipe, device)
    start = load_state(trainer, state) if state else 0
    names = recipe.log.loggers
    loggers = Loggers([JsonLines(run, start), *(registry.default().get("logger", name).factory(run) for name in names)])
    batches = training_batches(data, start * options.batch, options.batch, workers=recipe.data.workers)
    began, metrics = time.monotonic(), dict[str, float]()
    try:
        with Bar(options.iterations, start, "step") as bar, stop_requests() as stop:
            bar.say(
                f"{run}: step {start} of {options.iterations}, {sum(p.numel() for p in trainer.net.parameters()):,} parameters"
            )
            while trainer.step < options.iterations:
                loss, norm = trainer.train_step(next(batches))
                step, last = trainer.step, trainer.step == options.iterations or bool(stop)
                if step % LOG_EVERY == 0 or last:
                    metrics = {
                        "loss": check_finite(float(loss), step, run),
                        "grad_norm": float(norm),
                        "lr": learning_rate(options, step - 1),
                    }
                    seconds = time.monotonic() - began
                    metrics["images_per_second"] = (step - start) * options.batch / seconds
                    loggers.log(step, metrics)
                    bar.show(step, f"loss {metrics['loss']:.4f}  {metrics['images_per_second']:.1f} images/s")
                if step % options.save_every == 0 or last:
                    save_state(trainer, run, index)
                if validation and (step % options.val_every == 0 or step == options.iterations):
                    with trainer.averaged() as net:
                        found, picture = validation.measure(net, device)
                    loggers.log(step, found)
                    loggers.picture(step, "validation", picture)
                    validation.write(run, step, picture)
                    bar.say(f"step {step}: " + "  ".join(f"{name} {value:.2f}" for name, value in found.items()))
                    metrics |= found
                if stop and trainer.step < options.iterations:
                    raise Stopped(
                        f"stopped at step {step}, state saved; the same command goes on from there", stop.signum or 2
                    )
    finally:
        loggers.close()
    return {
        "weights": str(run / "weights.safetensors"),
        "step": trainer.step,
        "seconds": time.monotonic() - began,
        **metrics,
    }
