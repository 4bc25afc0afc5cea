"""Which sampler, with how many network evaluations? On one detail of a photograph: python examples/compare_samplers.py

`i2sbkit evaluate --sampler sde,dbim,dbmsolver --nfe 1,2,5,10` does it on many photographs, with intervals and seconds.
"""

from PIL import Image

import i2sbkit
from i2sbkit.metrics import psnr

DETAIL = (210, 110, 338, 238)
model = i2sbkit.load("sr4x", device="cpu")  # a bridge with noise; on one without it `sde` is `ode`
clean = Image.open("examples/clean/blue-periwinkle.png").convert("RGB").crop(DETAIL)
small = clean.resize((clean.width // 4, clean.height // 4), Image.Resampling.BICUBIC)
x0, observed = i2sbkit.from_pil(clean), i2sbkit.from_pil(small)
enlarged = i2sbkit.from_pil(small.resize(clean.size, Image.Resampling.BICUBIC))
print(f"PSNR of Pillow's bicubic: {psnr(enlarged, x0):.2f} dB")
print("sampler          1     2     5    10 evaluations")
for name, options in {"sde": {}, "dbim": {}, "dbim, eta 0.5": {"eta": 0.5}, "dbmsolver": {}}.items():
    row = []
    for nfe in (1, 2, 5, 10):
        sampler = i2sbkit.registry.build("sampler", name.split(",")[0], nfe=nfe, **options)
        restored = model.restore(observed, sampler=sampler)
        row.append(psnr(restored.clamp(-1, 1), x0))
    print(f"{name:13}", "".join(f"{value:6.2f}" for value in row))
