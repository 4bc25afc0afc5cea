"""A bridge of your own, trained and walked without a recipe or plugin: python examples/custom_schedule.py

To use it in recipes it takes an entry point more: plugins/README.md.
"""

from dataclasses import dataclass

import torch
from PIL import Image

import i2sbkit
from i2sbkit.kernel.algorithms import conditioned, denoiser, training_loss
from i2sbkit.metrics import psnr
from i2sbkit.testing import check_schedule


@dataclass(frozen=True)
class Hurried(i2sbkit.BridgeSchedule):
    """The Brownian bridge on the clock u = t^2: it lingers where the picture is nearly clean."""

    std: float = 0.3
    steps: int = 100

    def tables(self) -> i2sbkit.Tables:
        u = torch.linspace(0, 1, self.steps, dtype=torch.float64) ** 2
        noise = self.std * (u * (1 - u)).sqrt()
        time = torch.linspace(0, 1000, self.steps, dtype=torch.float64)
        return i2sbkit.Tables(mean_x0=1 - u, mean_x1=u, std=noise, label_std=self.std * u.sqrt(), time=time)


check_schedule(Hurried())  # all that i2sbkit asks of a schedule
bridge = i2sbkit.Bridge(Hurried())
blur = i2sbkit.registry.build("corruption", "blur", size=5)
backbone = i2sbkit.registry.build("backbone", "compact", width=8, encoder=(1, 1), middle=1, decoder=(1, 1), time_dim=32)
torch.manual_seed(0)
net = backbone.build(in_channels=6, out_channels=3)  # it sees x_n and x1
optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)

photograph = i2sbkit.from_pil(Image.open("examples/clean/lake-sherburne.png").convert("RGB"))
damaged = blur.corrupt(photograph, torch.Generator()).image
squares = [tensor.unfold(1, 32, 32).unfold(2, 32, 32).flatten(1, 2).transpose(0, 1) for tensor in (photograph, damaged)]
for step in range(80):
    chosen = torch.randint(len(squares[0]), (16,))
    x0, x1 = (each[chosen] for each in squares)
    loss = training_loss(
        net, bridge, x0, x1, i2sbkit.Rng(range(16 * step, 16 * step + 16)), cond_x1=True, end_share=0.5
    )
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

x0 = i2sbkit.from_pil(Image.open("examples/clean/mountain27.png").convert("RGB").crop((320, 128, 448, 256)))
x1 = blur.corrupt(x0, torch.Generator()).image[None]
sampler = i2sbkit.registry.build("sampler", "sde", nfe=1)
with torch.inference_mode():
    *_, last = sampler.sample(conditioned(denoiser(net, bridge), x1), bridge, x1, i2sbkit.Rng([0]))
print(f"blurred {psnr(x1[0], x0):.2f} dB, restored {psnr(last.x[0].clamp(-1, 1), x0):.2f} dB")
