"""Make a run's weights bundled ones: half precision, measured, tuned, and in the list of sums.

    python scripts/publish_weights.py RUN TASK --tune PHOTOGRAPHS [--count 24]

They are measured on benchmarks/heldout with the damage of their recipe, one value a column as `i2sbkit weights list`
shows it, and tuned on photographs that they were trained on: the choice of a sampler must not see the held-out ones.
"""

import argparse
import hashlib
from pathlib import Path

import torch

import i2sbkit
from i2sbkit.checkpoint import read_header, read_tensors, save
from i2sbkit.evaluating.opening import opened
from i2sbkit.evaluating.planning import Wanted
from i2sbkit.evaluating.tuning import tuned_on
from i2sbkit.publishing import SUMS, export
from i2sbkit.restoring import Settings
from i2sbkit.shipped import WEIGHTS

HELDOUT = Path(__file__).parents[1] / "benchmarks/heldout"


def main(run: str, task: str, photographs: str, count: int) -> None:
    """Export, measure, tune, and renew SHA256SUMS."""
    torch.set_num_threads(1)
    path = WEIGHTS / f"{task}.safetensors"
    export(run, path, half=True, licence="Apache-2.0", overwrite=True)
    change_header(path, metrics=measured(path))
    model = i2sbkit.load(path, "cpu")
    results, tuned = tuned_on(model, Wanted([photographs], count=count), Settings(), "psnr_rgb")
    tuned.keep(model.weights, results, path)
    kept = {key: value for key, value in read_header(path)["tuned"].items() if key not in SUMS}
    change_header(path, tuned=kept)
    sums = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(WEIGHTS.glob("*.safetensors"))
    ]
    (WEIGHTS / "SHA256SUMS").write_text("".join(sums), "ascii")
    print(read_header(path)["metrics"], read_header(path)["efforts"])


def measured(path: Path) -> dict[str, float]:
    """PSNR and SSIM on the held-out crops, of the damaged pictures and of the restored ones."""
    model = i2sbkit.load(path, "cpu")
    with opened(model, Wanted([str(HELDOUT)], metrics=("psnr_rgb", "ssim_rgb")), Settings()) as evaluation:
        results = evaluation.run()
    assert results is not None
    before, after = (row.means for row in results.arms)
    found = {"psnr_rgb_input": before["psnr_rgb"].mean, "psnr_rgb": after["psnr_rgb"].mean}
    found |= {"ssim_rgb_input": before["ssim_rgb"].mean, "ssim_rgb": after["ssim_rgb"].mean}
    return {name: round(value, 2 if name.startswith("psnr") else 4) for name, value in found.items()}


def change_header(path: Path, **facts: object) -> None:
    """Write a weights file anew with other facts in its header."""
    save(path, read_tensors(path), {**read_header(path), **facts})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("task")
    parser.add_argument("--tune", required=True, metavar="PHOTOGRAPHS")
    parser.add_argument("--count", type=int, default=24)
    given = parser.parse_args()
    main(given.run, given.task, given.tune, given.count)
