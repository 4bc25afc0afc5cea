"""`adm` at 256x256 against the same network written plainly; goal: ratio at most 0.85, outputs within 1e-4.

    taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/adm.py [MODEL_CHANNELS] [ROUNDS]

Plainly is in contiguous layout with attention by two einsums, as in the authors' code. The 552 million parameters of
the default, 256 channels, take half a minute an evaluation on one core and 5 GB; 64 channels take seconds. Counted is
the processor's time, as an evaluation is long enough for others to come between.
"""

import copy
import sys
from time import process_time

import torch
from timing import interleaved
from torch import Tensor, nn

from i2sbkit_plugins.adm import Adm
from i2sbkit_plugins.adm_blocks import Attention, Residual


class PlainAttention(Attention):
    """Self-attention as it is usually written down."""

    def compute(self, x: Tensor, told: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        flat = x.reshape(batch, channels, -1)
        qkv = self.qkv(self.norm(flat)).reshape(batch * self.heads, -1, height * width)
        q, k, v = qkv.chunk(3, dim=1)
        scale = q.shape[1] ** -0.25
        weight = torch.einsum("bct,bcs->bts", q * scale, k * scale).softmax(dim=-1)
        mixed = torch.einsum("bts,bcs->bct", weight, v).reshape(batch, channels, -1)
        return (flat + self.proj_out(mixed)).reshape(x.shape)


class PlainResidual(Residual):
    """The residual block layer by layer."""

    def compute(self, x: Tensor, told: Tensor) -> Tensor:
        h = self.in_layers[2](self._resized(self.in_layers[:2](x)))
        scale, shift = self.emb_layers(told)[:, :, None, None].chunk(2, dim=1)
        h = self.out_layers[1:](self.out_layers[0](h) * (1 + scale) + shift)
        return self.skip_connection(self._resized(x)) + h


def main(model_channels: int, rounds: int) -> None:
    """Print the medians, their ratio and how far the outputs are apart."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plain = Adm(model_channels=model_channels).build(6, 3).eval()
    for parameter in plain.parameters():
        if not parameter.any():  # what begins at 0 would hide all else
            nn.init.normal_(parameter, std=0.02)
    tool = copy.deepcopy(plain).to(memory_format=torch.channels_last)
    for module in plain.modules():
        module.__class__ = {Attention: PlainAttention, Residual: PlainResidual}.get(type(module), type(module))
    x, time = torch.randn(1, 6, 256, 256), torch.full((1,), 500.0)
    last = x.contiguous(memory_format=torch.channels_last)
    outputs = {}

    def evaluate(name: str, net: nn.Module, seen: Tensor) -> None:
        with torch.inference_mode():
            outputs[name] = net(seen, time)

    alternatives = {"adm": lambda: evaluate("adm", tool, last), "plain": lambda: evaluate("plain", plain, x)}
    seconds = interleaved(alternatives, rounds, process_time)
    difference = float((outputs["adm"] - outputs["plain"]).abs().max())
    print(f"adm {seconds['adm']:.2f} s, plain {seconds['plain']:.2f} s an evaluation of {model_channels} channels")
    print(f"ratio {seconds['adm'] / seconds['plain']:.3f} (goal 0.85)")
    print(f"outputs apart by {difference:.1e}, of {float(outputs['plain'].abs().max()):.1f} (goal 1e-4)")
    if difference > 1e-4:
        sys.exit("the two networks do not give the same")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*given, *(256, 3)[len(given) :])
