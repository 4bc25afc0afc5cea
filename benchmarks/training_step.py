"""One training step through the tool against a bare loop on ready tensors; goal: ratio at most 1.1.

    taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/training_step.py

The tool's step takes a batch from the loader (decode, crop, corrupt, lift), draws nodes and noise, and updates the
averages; the bare step has the network's input, label and time ready and does forward, backward and AdamW.
"""

import torch
import torch.nn.functional as F
from timing import interleaved

from i2sbkit.checkpoint import build_network
from i2sbkit.data import TrainingSet, training_batches
from i2sbkit.recipe import load_recipe
from i2sbkit.sources.shards import open_index
from i2sbkit.training.trainer import Trainer


def main() -> None:
    """Print the two medians and their ratio."""
    torch.set_num_threads(1)
    recipe = load_recipe("jpeg")
    cpu = torch.device("cpu")
    trainer = Trainer(recipe, cpu)
    batches = training_batches(TrainingSet.of(recipe, open_index(recipe.paths("train"))), 0, recipe.train.batch)
    next(batches)  # the first window of photographs is decoded once

    net = build_network(recipe).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)
    size, batch = recipe.data.size, recipe.train.batch
    seen, label = torch.randn(batch, 6, size, size), torch.randn(batch, 3, size, size)
    seen = seen.contiguous(memory_format=torch.channels_last)
    time = torch.rand(batch) * 1000

    def bare() -> None:
        loss = F.mse_loss(net(seen, time), label)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    seconds = interleaved({"tool": lambda: trainer.train_step(next(batches)), "bare": bare}, rounds=30)
    print(f"tool {seconds['tool'] * 1e3:.1f} ms, bare {seconds['bare'] * 1e3:.1f} ms a step of {batch} images")
    print(f"ratio {seconds['tool'] / seconds['bare']:.3f} (goal 1.1)")


if __name__ == "__main__":
    main()
