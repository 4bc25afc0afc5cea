"""What the bundled `jpeg` weights gain, by quality and network evaluations, in dB and SSIM on held-out photographs.

    python benchmarks/jpeg_quality.py [SHARDS_OR_FOLDER] [--nfe 1,2,5] [--weights jpeg]

Centre crops of 256 pixels, JPEG by Pillow, 4:2:0; RGB, no border cropped; the result rounded to 8 bits. The default
data are the 8 held-out photographs that ship with i2sbkit.
"""

import argparse

import torch

import i2sbkit
from i2sbkit.images import from_uint8, to_uint8
from i2sbkit.metrics import psnr, ssim
from i2sbkit.pairs import Damage, validation_pairs
from i2sbkit.recipe import load_recipe
from i2sbkit.shards import open_index


def main(data: str, nfes: list[int], weights: str) -> None:
    """Print a Markdown table."""
    torch.set_num_threads(1)
    model = i2sbkit.load(weights, device="cpu")
    print("| quality | file | " + " | ".join(f"nfe {nfe}" for nfe in nfes) + " |")
    print("| --- " * (len(nfes) + 2) + "|")
    for quality in (5, 10, 20, 30, 40):
        corruption = i2sbkit.registry.build("corruption", "jpeg", quality=quality)
        pairs = validation_pairs(open_index([data]), Damage(corruption), size=256, seed=0, count=1000)
        cells = [score([(pair.x1, pair.x0) for pair in pairs])]
        for nfe in nfes:
            restored = [model.restore(pair.x1, nfe=nfe) for pair in pairs]
            cells.append(score([(from_uint8(to_uint8(x)), pair.x0) for x, pair in zip(restored, pairs, strict=True)]))
        print(f"| {quality} | " + " | ".join(cells) + " |", flush=True)
    print(f"\n{len(pairs)} photographs; mean PSNR in dB / mean SSIM.")


def score(results: list[tuple[torch.Tensor, torch.Tensor]]) -> str:
    """Mean PSNR and SSIM of (result, clean) pairs."""
    count = len(results)
    return f"{sum(psnr(*pair) for pair in results) / count:.2f} / {sum(ssim(*pair) for pair in results) / count:.4f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="?", default=load_recipe("jpeg").paths("val")[0])
    parser.add_argument("--nfe", default="1,2,5")
    parser.add_argument("--weights", default="jpeg")
    given = parser.parse_args()
    main(given.data, [int(nfe) for nfe in given.nfe.split(",")], given.weights)
