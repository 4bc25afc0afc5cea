"""`i2sbkit restore` over sizes, with the bundled weights: seconds a megapixel, and memory at 24 megapixels.

    taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/sizes.py [times] [batches] [blending] [memory] [100]

Goals: seconds a megapixel within 15 % of each other at 0.25, 1 and 4 megapixels; 24 megapixels in at most 3.5 GB, with
`sde` and `ode`. `blending` is of networks that see the whole picture; `100` restores a picture of 100 megapixels, which
takes minutes. Seconds are of the processor, so what else runs does not count.
"""

import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch
from PIL import Image
from timing import interleaved

import i2sbkit
from i2sbkit.images import to_pil
from i2sbkit.importing import import_weights
from i2sbkit.memory import keep_freed_memory

ROOT = Path(__file__).parent.parent
SIZES = {"0.25": (500, 500), "1": (1000, 1000), "4": (2000, 2000)}


def noise(height: int, width: int) -> torch.Tensor:
    """A picture that no file format makes smaller."""
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def times() -> None:
    """Seconds a megapixel, one evaluation each; and as a library does it, which leaves memory as it finds it."""
    model = i2sbkit.load("jpeg", "cpu")
    pictures = {name: noise(*size) for name, size in SIZES.items()}

    def report(title: str) -> None:
        work = {name: lambda x=x: model.restore(x, nfe=1) for name, x in pictures.items()}
        seconds = interleaved(work, rounds=3, clock=time.process_time)
        each = {name: seconds[name] * 1e6 / pictures[name][0].numel() for name in seconds}
        listed = ", ".join(f"{value:.2f} s at {name}" for name, value in each.items())
        print(f"{title}: a megapixel takes {listed}; ratio {max(each.values()) / min(each.values()):.2f} (goal 1.15)")

    report("in a library")
    keep_freed_memory()
    report("on the command line")


def batches() -> None:
    """Whether several tiles at once are faster than one after the other."""
    keep_freed_memory()
    net = i2sbkit.load("jpeg", "cpu").net
    for side in (256, 512):
        some = torch.randn(4, 6, side, side).contiguous(memory_format=torch.channels_last)
        node = torch.full((4,), 500.0)

        @torch.inference_mode()
        def evaluate(batch: int, some: torch.Tensor = some, node: torch.Tensor = node) -> None:
            for x, t in zip(some.split(batch), node.split(batch), strict=True):
                net(x, t)

        work = {str(batch): lambda batch=batch: evaluate(batch) for batch in (1, 2, 4)}
        seconds = interleaved(work, rounds=5, clock=time.process_time)
        listed = ", ".join(f"{value:.2f} s by {name}" for name, value in seconds.items())
        print(f"four windows of {side} pixels: {listed}")


def blending() -> None:
    """How far blended tiles are from the whole picture, with a small network that sees everything."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "adm.safetensors")
        import_weights(ROOT / "tests/golden/official-tiny", path, ["backbone.num_head_channels=16"])
        model = i2sbkit.load(path, "cpu")
    with Image.open(ROOT / "examples/clean/lake-sherburne.png") as file:
        left, top = (file.width - 160) // 2, (file.height - 128) // 2
        image = i2sbkit.from_pil(file.convert("RGB").crop((left, top, left + 160, top + 128)))
    for nfe in (1, 10):
        whole = model.restore(image, nfe=nfe, sampler="ode", tile=0)
        print(f"{nfe} evaluations change the picture by {float((whole - image).abs().mean()):.3f}")
        for tile in (32, 64, 96, 128):
            apart = (model.restore(image, nfe=nfe, sampler="ode", tile=tile) - whole).abs()
            print(f"  tiles of {tile}: {float(apart.mean()):.3f} on average, {float(apart.max()):.2f} at most")


def memory(height: int, width: int, options: str) -> None:
    """Restore a picture on the command line; print the most memory that the process had, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in.png")
        to_pil(noise(height, width)).save(source, compress_level=1)
        command = [sys.executable, "-m", "i2sbkit", "restore", str(source), f"{folder}/out.png", "--task", "jpeg"]
        began = time.monotonic()
        process = subprocess.Popen([*command, *options.split()], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    peak = usage.ru_maxrss * 1024 / 1e9
    took = f"{usage.ru_utime + usage.ru_stime:.0f} s of the processor, {seconds:.0f} s in all"
    print(f"{height * width / 1e6:.0f} megapixels {options}: {peak:.2f} GB at most, {took}, status {status}")


def main(parts: list[str]) -> None:
    """Run the parts named, or all but the last."""
    torch.set_num_threads(1)
    parts = parts or ["times", "batches", "blending", "memory"]
    warnings.simplefilter("ignore", UserWarning)  # that ode gives smoother pictures
    if "times" in parts:
        times()
    if "batches" in parts:
        batches()
    if "blending" in parts:
        blending()
    if "memory" in parts:
        for options in ("--nfe 1", "--nfe 2", "--nfe 2 --sampler ode"):
            memory(4000, 6000, options)
    if "100" in parts:
        memory(10_000, 10_000, "--nfe 1")


if __name__ == "__main__":
    main(sys.argv[1:])
