"""A training step alone, with DDP and with FSDP2: time, processor seconds, and bytes between the processes.

    OMP_NUM_THREADS=1 torchrun --standalone --local-addr 127.0.0.1 --nproc-per-node 2 benchmarks/scale.py jpeg

Each process takes its share of the recipe's batch; "whole" is the batch in the first, while the others wait. Processor
seconds are of a process and its threads, whatever else the cores do. Bytes are all that the loopback interface carried
meanwhile (Linux).
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from timing import interleaved

from i2sbkit.data import Batch, TrainingSet, training_batches
from i2sbkit.distributed import World, joined
from i2sbkit.recipe import Recipe, load_recipe
from i2sbkit.sources.shards import open_index
from i2sbkit.training.trainer import Trainer

ROUNDS = 15
STEPS_ON_WIRE = 5


def main(name: str) -> None:
    """Print a line for each way to make a step."""
    torch.set_num_threads(1)
    with joined("cpu") as (world, device):
        recipe = load_recipe(name)
        share, whole = batch_of(recipe, world), batch_of(recipe, World())
        alone = Trainer(recipe, device)
        ways = {"share, alone": step(alone, share)}
        for how in ("ddp", "fsdp") if world.size > 1 else ():
            trainer = Trainer(load_recipe(name, [f"train.parallel={how}"]), device, world)
            ways[f"share, {how}"] = step(trainer, share)
        size = 4 * sum(parameter.numel() for parameter in alone.net.parameters())
        say(world, f"{name}: {world.size} processes, {recipe.train.batch} images a step, gradients of {size:,} bytes")
        for clock in (time.perf_counter, time.process_time):
            say(world, f"{clock.__name__}, ms a step: mean of the processes' medians of {ROUNDS}")
            for way, taken in interleaved(ways, ROUNDS, clock).items():
                say(world, f"  {way:13} {1e3 * float(world.mean(torch.tensor(taken))):12.1f}")
            if world.first:
                taken = interleaved({"whole": step(alone, whole)}, ROUNDS, clock)["whole"]
                say(world, f"  whole, alone  {1e3 * taken:12.1f}")
            world.wait()
        say(world, "bytes between the processes, a step")
        for way, work in ways.items():
            say(world, f"  {way:13} {bytes_of(work):12,.0f}")
        taken = interleaved({"agree": lambda: agree(world)}, 200)["agree"]
        say(world, f"the agreements of a step, ms\n  {1e3 * taken:26.2f}")


def batch_of(recipe: Recipe, world: World) -> Batch:
    """The first batch of a recipe, or this process's share of it."""
    pairs = TrainingSet.of(recipe, open_index(recipe.paths("train")))
    return next(training_batches(pairs, 0, recipe.train.batch, rank=world.rank, world=world.size))


def step(trainer: Trainer, batch: Batch) -> Callable[[], object]:
    """A step, to be called."""
    return lambda: trainer.train_step(batch)


def bytes_of(work: Callable[[], object]) -> float:
    """What loopback carried for a call in all processes, which keep in step by themselves."""
    work()
    before = carried()
    for _ in range(STEPS_ON_WIRE):
        work()
    return (carried() - before) / STEPS_ON_WIRE


def carried() -> int:
    """Bytes that were received over loopback since the machine started."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    (line,) = (line for line in lines if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])


def agree(world: World) -> None:
    """What processes agree on at each step: whether there is data for it, and whether to stop."""
    with world.agreed():
        pass
    world.largest(0)


def say(world: World, line: str) -> None:
    """One voice."""
    if world.first:
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "jpeg")
