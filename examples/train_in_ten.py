"""Train a bridge and restore with it, without a GPU in half a minute: python examples/train_in_ten.py

The same call again goes on where the training was stopped.
"""

from pathlib import Path

import torch
from PIL import Image

import i2sbkit

recipe = i2sbkit.load_recipe("tiny", ["corruption.quality=[5, 20]", "train.iterations=100"])
result = i2sbkit.train(recipe, Path("runs/ten"), torch.device("cpu"))
print(f"{result['step']} steps, {result['images']} images, {result['seconds']:.0f} s")
model = i2sbkit.load(result["weights"], device="cpu")
model.restore(Image.open("examples/jpeg/typewriter.jpg")).save("restored.png")
