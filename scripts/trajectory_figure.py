"""Make docs/images/trajectory.png and print a table of docs/trajectory.md: the way of one photograph, measured.

    pip install "i2sbkit[docs]"
    python scripts/trajectory_figure.py                sr4x, whose bridge has noise: the figure and the first table
    python scripts/trajectory_figure.py --task blur    the second table

The photograph is examples/clean/blue-periwinkle.png, which no bundled weights were trained on.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import torch
from PIL import Image

import i2sbkit

ROOT = Path(__file__).parent.parent
PHOTOGRAPH = ROOT / "examples/clean/blue-periwinkle.png"
DAMAGES = {
    "sr4x": i2sbkit.registry.build("corruption", "superres", scale=4, filter="bicubic"),
    "blur": i2sbkit.registry.build("corruption", "blur", kernel="uniform", size=9),
}
BOX = (210, 110, 402, 254)  # left, top, right, bottom
COLUMNS = 6


def main(task: str, nfe: int, out: Path) -> None:
    """Damage, walk, print, and draw the first."""
    with Image.open(PHOTOGRAPH) as file:
        clean = file.convert("RGB")
    observed = DAMAGES[task].corrupt(i2sbkit.from_pil(clean), torch.Generator().manual_seed(0)).image
    damaged = i2sbkit.to_pil(observed)  # to 8 bits, as a file has it
    way = i2sbkit.trajectory(i2sbkit.load(task, device="cpu"), damaged, reference=clean, nfe=nfe)
    print("| n | travelled | error of x0h |\n| --- | --- | --- |")
    for row in way.table():
        print(f"| {row['n']} | {row['travelled']:.4f} | {row['error']:.4f} |")
    print(f"| 0 | {float(way.travelled[-1]):.4f} | |")
    print(f"\nstraight line {way.straight:.4f}, detour {way.detour:.2f}")
    if task == "sr4x":
        draw(way, out)


def draw(way: i2sbkit.Trajectory, out: Path) -> None:
    """The strip of a detail above, distance and error over n below."""
    mpl.use("agg")
    import matplotlib.pyplot as plt

    left, top, right, bottom = BOX
    detail = i2sbkit.Trajectory(way.nodes, way.x[..., top:bottom, left:right], way.x0h[..., top:bottom, left:right])
    figure = plt.figure(figsize=(10, 5.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.35, 1))
    axes = above.subplots()
    axes.imshow(detail.strip(COLUMNS))
    axes.set_xticks([])
    axes.set_yticks([(bottom - top) / 2, 1.5 * (bottom - top)], ["$x_n$", r"$\hat{x}_0$"])
    axes.set_title(f"from n = {way.nodes[0]} (four times smaller, enlarged) to n = 0 (restored)", fontsize=10)
    distance, error = below.subplots(1, 2)
    distance.plot(way.nodes, way.travelled, "o-", label="travelled")
    distance.axhline(way.straight, color="gray", linestyle="--", label="straight line")
    distance.set(xlabel="n", ylabel="RMS distance from x1")
    distance.legend()
    error.plot(way.nodes[:-1], way.error, "o-", color="tab:red")
    error.set(xlabel="n", ylabel=r"RMS error of $\hat{x}_0$")
    for each in (distance, error):
        each.invert_xaxis()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=DAMAGES, default="sr4x")
    parser.add_argument("--nfe", type=int, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images/trajectory.png")
    arguments = parser.parse_args()
    main(arguments.task, arguments.nfe, arguments.out)
