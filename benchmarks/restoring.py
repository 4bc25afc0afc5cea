"""`restore` of a 512x512 file against its bare network calls; goal: ratio at most 1.1.

    taskset -c 0 env OMP_NUM_THREADS=1 python benchmarks/restoring.py

The tool reads a PNG, draws the noise, walks the bridge and writes a PNG; the bare calls are the network's evaluations
on a tensor of that size.
"""

import sys
import tempfile
from pathlib import Path

import torch
from timing import interleaved

from i2sbkit.api import Model
from i2sbkit.bulk.files import Extras, file_restorer
from i2sbkit.checkpoint import build_network, read_weights, write_weights
from i2sbkit.jobs.job import Job
from i2sbkit.pictures.files import write_picture
from i2sbkit.recipe import load_recipe
from i2sbkit.restoring import Settings


def main(nfe: int) -> None:
    """Print the two medians and their ratio."""
    torch.set_num_threads(1)
    recipe = load_recipe("jpeg")
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        write_weights(weights, build_network(recipe).state_dict(), recipe)
        model = Model(read_weights(weights), torch.device("cpu"))
        source, target = Path(folder) / "in.png", Path(folder) / "out.png"
        write_picture(source, torch.rand(3, 512, 512) * 2 - 1)
        work = file_restorer(model.restorer(Settings(nfe=nfe)), Extras())
        seen = torch.randn(1, 6, 512, 512).contiguous(memory_format=torch.channels_last)

        @torch.inference_mode()
        def bare() -> None:
            for _ in range(nfe):
                model.net(seen, torch.full((1,), 500.0))

        seconds = interleaved({"restore": lambda: work(Job(source, target)), "bare": bare}, rounds=7)
    print(f"restore {seconds['restore']:.2f} s, bare network {seconds['bare']:.2f} s at nfe {nfe}")
    print(f"ratio {seconds['restore'] / seconds['bare']:.3f} (goal 1.1)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
