"""Restore a photograph with bundled weights; in a checkout: python examples/restore_in_five.py"""

from PIL import Image

import i2sbkit

model = i2sbkit.load("jpeg")
damaged = Image.open("examples/jpeg/typewriter.jpg")
model.restore(damaged).save("restored.png")
