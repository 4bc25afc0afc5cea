"""One step of Algorithm 1 (Liu et al. 2023), and all that it changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoint import FLOATS, build_network, load_tensors, network_tensors, read_header
from ..data import Batch
from ..distributed import World
from ..document.schema import TrainSection
from ..ema import Ema, tied
from ..kernel.algorithms import training_loss
from ..kernel.errors import Error
from ..kernel.rng import Rng, derive_seed
from ..recipe import Recipe
from ..sampling import DTYPES
from ..terminal import warn
from .parallel import Alone, Replicated

FUSED = ("cpu", "cuda", "mps", "xpu")
"""Devices for which torch has AdamW as one kernel; the same numbers to rounding, and a step less of its time."""

SLIGHTEST = 1e-4
"""A mean square on [-1, 1]: 46 dB PSNR."""


class Trainer:
    """All that changes while training: network, averages, optimiser, loss scale; and the step they stand at.

    Raises:
        Error: `train.init` does not fit the network, the network has a parameter under two names, or the device cannot
            do what the backbone's options ask for.
    """

    def __init__(self, recipe: Recipe, device: torch.device, world: World = World()) -> None:  # noqa: B008 - a value
        options = recipe.train
        self.recipe, self.device, self.world, self.step = recipe, device, world, 0
        with world.agreed():
            recipe.parts.backbone.check_device(device)
            torch.manual_seed(derive_seed(options.seed, "init"))
            self.net = build_network(recipe)
            if names := tied(self.net):
                name = recipe.document["backbone"]["name"]
                raise Error(f"backbone {name!r}: {names[0]} is another parameter too; call one module in both places")
            if options.init:
                begin_from(self.net, recipe.base / options.init, recipe.bridge.cond_x1)
        self.spread = _spread(self.net, options.parallel, device, world.size)
        module = self.spread.module
        self.forward: nn.Module = torch.compile(module) if options.compile else module  # type: ignore[assignment]
        self.ema = Ema(self.net, options.ema)
        self.optimizer = torch.optim.AdamW(
            [parameter for parameter in self.net.parameters() if parameter.requires_grad],
            lr=options.lr,
            betas=options.betas,
            weight_decay=options.weight_decay,
            fused=device.type in FUSED,
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "fp16")

    def train_step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """One optimiser step on a batch, accumulated from microbatches.

        Args:
            batch: this process's share of it.

        Returns:
            The mean loss of the share, and the norm of the gradient, which is that of the whole batch.
        """
        options = self.recipe.train
        self.net.train()
        own = (self.world.rank,) if self.world.rank else ()
        torch.manual_seed(derive_seed(options.seed, "dropout", self.step, *own))
        rate = learning_rate(options, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total = torch.zeros((), device=self.device)
        parts = list(batch.split(options.microbatch or len(batch)))
        for part in parts:
            with nullcontext() if part is parts[-1] else self.spread.unsummed():
                loss = self._loss(part) * (len(part) / len(batch))
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        self.scaler.unscale_(self.optimizer)
        norm = self.spread.whole(nn.utils.clip_grad_norm_(self.net.parameters(), options.clip or math.inf))
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
        x0, lifted = (t.to(device, memory_format=torch.channels_last) for t in (part.x0, part.x1))
        mask = None if part.mask is None else part.mask.to(device)
        dtype = DTYPES[recipe.train.precision]
        autocast = nullcontext() if dtype is torch.float32 else torch.autocast(device.type, dtype)
        with autocast:
            return training_loss(
                self.forward,
                recipe.parts.bridge,
                x0,
                lifted,
                rng,
                mask=mask,
                cond_x1=recipe.bridge.cond_x1,
                end_share=recipe.train.end_share,
                weight=relative_weight(x0, lifted) if recipe.train.relative else None,
            )

    def weights(self) -> Mapping[str, Tensor]:
        """The network's state with averaged parameters: what restores. See `parallel.Alone.averaged_state`."""
        return self.spread.averaged_state(self.ema)

    @contextmanager
    def averaged(self) -> Iterator[nn.Module]:
        """The network with its averaged parameters, in evaluation mode."""
        with self.ema.applied():
            yield self.net.eval()


def _spread(net: nn.Module, how: str, device: torch.device, size: int) -> Alone:
    """A network on a device, for so many processes."""
    if size > 1 and how == "fsdp":
        from .sharding import Sharded  # whose imports take seconds

        return Sharded(net.to(device), device, size)
    net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Alone(net) if size == 1 else Replicated(net, device)


def begin_from(net: nn.Module, path: Path, cond_x1: bool) -> None:
    """Fill a fresh network with weights, or the averages of a training state.

    Where it sees x1 and the file's does not, the layer that has twice the input channels is widened: the new ones keep
    their fresh numbers, as the authors of I2SB begin from ADM; a warning says so.

    Raises:
        Error: they do not fit otherwise.
    """
    header, own = read_header(path), net.state_dict()
    tensors = network_tensors(path, header.get("kind", "weights"))
    if cond_x1 and not header["recipe"].get("bridge", {}).get("cond_x1"):
        for name in own.keys() & tensors.keys():
            narrow, wide = tensors[name], own[name]
            fits = narrow.dim() > 1 and wide.shape == (narrow.shape[0], 2 * narrow.shape[1], *narrow.shape[2:])
            if fits and narrow.dtype in FLOATS:  # what no weights can be is for `load_tensors` to refuse
                tensors[name] = torch.cat([narrow, wide[:, narrow.shape[1] :]], dim=1)
                now = f"{name} widened to {wide.shape[1]} input channels, the new ones fresh"
                warn(f"{path.name}: its network does not see x1; {now}")
    load_tensors(net, tensors, path)


def relative_weight(x0: Tensor, lifted: Tensor) -> Tensor:
    """1 over the damage of each image: (B, C, H, W) twice -> (B,).

    `SLIGHTEST` is added to the damage, as a flat picture may have next to none and would outweigh all others.
    """
    return 1 / ((lifted - x0).square().mean(dim=(1, 2, 3)) + SLIGHTEST)


def learning_rate(options: TrainSection, step: int) -> float:
    """The rate at a step: linear warm-up, then falling by `lr_gamma` every `lr_step`, or as a cosine to 2 % of `lr`."""
    warm = min(1.0, (step + 1) / options.warmup) if options.warmup else 1.0
    if options.schedule == "step":
        return options.lr * warm * float(options.lr_gamma ** (step // options.lr_step))
    progress = min(1.0, step / options.iterations)
    return options.lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
