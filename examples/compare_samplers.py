"""Which sampler, with how many network evaluations? On one detail of a photograph: python examples/compare_samplers.py

`i2sbkit evaluate --sampler sde,dbim,dbmsolver --nfe 1,2,5,10` does it on many photographs, with intervals and seconds.
"""

from PIL import Image

import i2sbkit
from i2sbkit.metrics import psnr

DETAIL = (210, 110, 338, 238)
model = i2sbkit.load("jpeg", device="cpu")
x1 = i2sbkit.from_pil(Image.open("examples/jpeg/blue-periwinkle.jpg").convert("RGB").crop(DETAIL))
x0 = i2sbkit.from_pil(Image.open("examples/clean/blue-periwinkle.png").convert("RGB").crop(DETAIL))
print(f"PSNR of the file: {psnr(x1, x0):.2f} dB")
print("sampler          1     2     5    10 evaluations")
for name, options in {"sde": {}, "dbim": {}, "dbim, eta 0.5": {"eta": 0.5}, "dbmsolver": {}}.items():
    row = []
    for nfe in (1, 2, 5, 10):
        sampler = i2sbkit.registry.build("sampler", name.split(",")[0], nfe=nfe, **options)
        restored = model.restore(x1, sampler=sampler)
        row.append(psnr(restored.clamp(-1, 1), x0))
    print(f"{name:13}", "".join(f"{value:6.2f}" for value in row))
