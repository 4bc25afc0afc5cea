"""What bundled weights gain, by damage and network evaluations, in dB and SSIM on held-out photographs.

    python benchmarks/weights_quality.py TASK [SHARDS_OR_FOLDER] [--nfe 1,2,5] [--weights FILE] [--told]

Centre crops of 256 pixels, damaged by our own corruptions and rounded to 8 bits; RGB, no border cropped; the result
rounded to 8 bits. With --told a blur's kernel is told (`--kernel`). The default data, benchmarks/heldout, are those
crops of the 31 photographs that no bundled model is trained on (scripts/heldout.txt).
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

import i2sbkit
from i2sbkit.images import from_uint8, to_uint8
from i2sbkit.metrics import psnr, ssim
from i2sbkit.pairs import Damage, Pair, validation_pairs
from i2sbkit.shards import open_index

HELDOUT = Path(__file__).parent / "heldout"
DAMAGES = {
    "jpeg": {f"quality {quality}": ("jpeg", {"quality": quality}) for quality in (5, 10, 20, 30, 40)},
    "blur": {
        "uniform 3": ("blur", {"size": 3}),
        "uniform 5": ("blur", {"size": 5}),
        "uniform 9": ("blur", {"size": 9}),
        "uniform 13": ("blur", {"size": 13}),
        "gaussian 5, sigma 10": ("blur", {"kernel": "gaussian", "size": 5, "sigma": 10.0}),
        "gaussian 9, sigma 1": ("blur", {"kernel": "gaussian", "size": 9, "sigma": 1.0}),
        "gaussian 21, sigma 3": ("blur", {"kernel": "gaussian", "size": 21, "sigma": 3.0}),
    },
}


def main(task: str, data: str, nfes: Sequence[int], weights: str, told: bool) -> None:
    """Print a Markdown table."""
    torch.set_num_threads(1)
    model = i2sbkit.load(weights, device="cpu")
    print("| damage | file | " + " | ".join(f"nfe {nfe}" for nfe in nfes) + " |")
    print("| --- " * (len(nfes) + 2) + "|")
    for label, (name, options) in DAMAGES[task].items():
        corruption = i2sbkit.registry.build("corruption", name, **options)
        pairs = validation_pairs(open_index([data]), Damage(corruption), size=256, seed=0, count=1000)
        kernel = corruption.corrupt(pairs[0].x0, torch.Generator().manual_seed(0)).params["kernel"] if told else None
        cells = [score(pairs, lambda pair: pair.x1)]
        cells += [score(pairs, restorer(model, nfe, kernel)) for nfe in nfes]
        print(f"| {label} | " + " | ".join(cells) + " |", flush=True)
    print(f"\n{len(pairs)} photographs; mean PSNR in dB / mean SSIM.")


def restorer(model: i2sbkit.Model, nfe: int, kernel: Tensor | None) -> Callable[[Pair], Tensor]:
    """Restores the damaged picture of a pair, to 8 bits."""
    return lambda pair: from_uint8(to_uint8(model.restore(pair.x1, nfe=nfe, kernel=kernel)))


def score(pairs: Sequence[Pair], result: Callable[[Pair], Tensor]) -> str:
    """Mean PSNR and SSIM of what is made of each pair."""
    results = [(result(pair), pair.x0) for pair in pairs]
    means = [sum(metric(*each) for each in results) / len(results) for metric in (psnr, ssim)]
    return f"{means[0]:.2f} / {means[1]:.4f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=DAMAGES)
    parser.add_argument("data", nargs="?", default=str(HELDOUT))
    parser.add_argument("--nfe", default="1,2,5")
    parser.add_argument("--weights")
    parser.add_argument("--told", action="store_true")
    given = parser.parse_args()
    main(given.task, given.data, [int(nfe) for nfe in given.nfe.split(",")], given.weights or given.task, given.told)
