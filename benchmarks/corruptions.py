"""What each corruption of the shipped recipes gives, in images a second of one worker, against what training takes.

    taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/corruptions.py

At the crops of the compact recipes: how many times what `compact` trains on in the same thread (goal at least 3). At
256x256: how many workers keep a GPU busy that trains on 100 images a second. Damaging and lifting count; decoding the
photograph is in benchmarks/loader.py.
"""

import time

import torch

from i2sbkit import Corruption, shipped
from i2sbkit.data import TrainingSet, training_batches
from i2sbkit.pairs import Damage
from i2sbkit.recipe import load_recipe
from i2sbkit.sources.photographs import Photograph
from i2sbkit.sources.shards import open_index
from i2sbkit.training.trainer import Trainer

SECONDS = 1.0
GPU = 100


def training_rate() -> float:
    """Images a second that the recipe `jpeg` trains on."""
    recipe = load_recipe("jpeg")
    data = TrainingSet.of(recipe, open_index(recipe.paths("train")))
    trainer, batch = Trainer(recipe, torch.device("cpu")), next(training_batches(data, 0, recipe.train.batch))
    trainer.train_step(batch)
    began = time.perf_counter()
    for _ in range(8):
        trainer.train_step(batch)
    return 8 * recipe.train.batch / (time.perf_counter() - began)


def rate(corruption: Corruption, size: int) -> float:
    """Images a second, damaged, rounded to 8 bits and lifted."""
    rng = torch.Generator().manual_seed(0)
    crop = Photograph(torch.randint(256, (3, size, size), generator=rng, dtype=torch.uint8))
    damage, count = Damage(corruption), 0
    damage.pair(crop, rng)
    began = time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        damage.pair(crop, rng)
        count += 1
    return count / (time.perf_counter() - began)


def main() -> None:
    """Print a line a recipe."""
    torch.set_num_threads(1)
    need = training_rate()
    print(f"compact trains on {need:.0f} images/s of 64x64")
    for name in shipped.recipes():
        recipe = load_recipe(name)
        if recipe.data.paired or name == "tiny":
            continue
        size = recipe.data.size + 2 * recipe.data.margin
        found = rate(recipe.parts.corruption, size)
        if size < 256:
            against = f"{found / need:.0f} x the training's"
        else:
            against = f"{GPU / found:.1f} workers for {GPU} images/s"
        print(f"{name:33} {size:4} px {found:7.0f} images/s   {against}")


if __name__ == "__main__":
    main()
