"""The loader alone against the training rate: images a second of each; goal: ratio at least 3.

    taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/loader.py

Both run in one process and one thread; with data.workers the loader's cost leaves the training's thread altogether.
"""

import torch
from timing import interleaved

from i2sbkit.data import TrainingSet, training_batches
from i2sbkit.recipe import load_recipe
from i2sbkit.sources.shards import open_index
from i2sbkit.training.trainer import Trainer

STEPS = 8


def main() -> None:
    """Print both rates and their ratio."""
    torch.set_num_threads(1)
    recipe = load_recipe("jpeg")
    batches = training_batches(TrainingSet.of(recipe, open_index(recipe.paths("train"))), 0, recipe.train.batch)
    trainer, ready = Trainer(recipe, torch.device("cpu")), next(batches)

    def load() -> None:
        for _ in range(STEPS):
            next(batches)

    def train() -> None:
        for _ in range(STEPS):
            trainer.train_step(ready)

    seconds = interleaved({"loader": load, "training": train}, rounds=12)
    rates = {name: STEPS * recipe.train.batch / value for name, value in seconds.items()}
    print(f"loader {rates['loader']:.0f} images/s, training {rates['training']:.0f} images/s")
    print(f"ratio {rates['loader'] / rates['training']:.1f} (goal at least 3)")


if __name__ == "__main__":
    main()
