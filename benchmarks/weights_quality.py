"""What bundled weights gain, by damage and network evaluations, in dB and SSIM on held-out photographs.

    python benchmarks/weights_quality.py TASK [SHARDS_OR_FOLDER] [--nfe 1,2,5] [--weights FILE] [--told]

`i2sbkit evaluate` for each of some damages: centre crops of 256 pixels, RGB, no border cropped. With --told a blur's
kernel is told (`--kernel`). The default data are the crops in benchmarks/heldout, which no bundled weights have seen.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

import i2sbkit
from i2sbkit.evaluating.opening import opened
from i2sbkit.evaluating.planning import Wanted
from i2sbkit.restoring import Settings
from i2sbkit.results.evaluation import ArmResult

HELDOUT = Path(__file__).parent / "heldout"
DAMAGES = {
    "jpeg": {f"quality {quality}": f"jpeg:quality={quality}" for quality in (5, 10, 20, 30, 40)},
    "blur": {
        **{f"uniform {size}": f"blur:size={size}" for size in (3, 5, 9, 13)},
        "gaussian 5, sigma 10": "blur:kernel=gaussian,size=5,sigma=10.0",
        "gaussian 9, sigma 1": "blur:kernel=gaussian,size=9,sigma=1.0",
        "gaussian 21, sigma 3": "blur:kernel=gaussian,size=21,sigma=3.0",
    },
    "sr4x": {name: f"superres:scale=4,filter={name}" for name in ("bicubic", "pool")},
    "inpaint": {
        "centre": "inpaint:shape=center",
        "freeform 10-20 %": "inpaint:shape=freeform,ratio=[0.1, 0.2]",
        "freeform 20-30 %": "inpaint:shape=freeform,ratio=[0.2, 0.3]",
        "box 2-25 %": "inpaint:shape=box,ratio=[0.02, 0.25]",
    },
}


def main(task: str, data: str, nfes: Sequence[int], weights: str, told: bool) -> None:
    """Print a Markdown table."""
    torch.set_num_threads(1)
    model, pictures = i2sbkit.load(weights, device="cpu"), 0
    print("| damage | file | " + " | ".join(f"nfe {nfe}" for nfe in nfes) + " |")
    print("| --- " * (len(nfes) + 2) + "|")
    for label, corruption in DAMAGES[task].items():
        wanted = Wanted([data], corruption, nfes=nfes, told=told, metrics=("psnr_rgb", "ssim_rgb"))
        with opened(model, wanted, Settings()) as evaluation:
            results = evaluation.run()
        assert results is not None, "an evaluation of one part is whole"
        print(f"| {label} | " + " | ".join(map(spelled, results.arms)) + " |", flush=True)
        pictures = results.pictures
    print(f"\n{pictures} photographs; mean PSNR in dB / mean SSIM.")


def spelled(row: ArmResult) -> str:
    """The two means of an arm."""
    return f"{row.means['psnr_rgb'].mean:.2f} / {row.means['ssim_rgb'].mean:.4f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=DAMAGES)
    parser.add_argument("data", nargs="?", default=str(HELDOUT))
    parser.add_argument("--nfe", default="1,2,5")
    parser.add_argument("--weights")
    parser.add_argument("--told", action="store_true")
    given = parser.parse_args()
    main(given.task, given.data, [int(nfe) for nfe in given.nfe.split(",")], given.weights or given.task, given.told)
