"""Make docs/images/trajectory.png and print the table of docs/trajectory.md: the way of one photograph, measured.

    pip install "i2sbkit[docs]"
    python scripts/trajectory_figure.py [--weights jpeg] [--nfe 10]

The photograph is examples/jpeg/blue-periwinkle.jpg, which no bundled weights were trained on.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
from PIL import Image

import i2sbkit

ROOT = Path(__file__).parent.parent
PHOTOGRAPH = "blue-periwinkle"
BOX = (210, 110, 402, 254)  # left, top, right, bottom
COLUMNS = 6


def main(weights: str, nfe: int, out: Path) -> None:
    """Walk, print, draw."""
    with Image.open(ROOT / f"examples/jpeg/{PHOTOGRAPH}.jpg") as file:
        degraded = file.convert("RGB")
    with Image.open(ROOT / f"examples/clean/{PHOTOGRAPH}.png") as file:
        clean = file.convert("RGB")
    way = i2sbkit.trajectory(i2sbkit.load(weights, device="cpu"), degraded, reference=clean, nfe=nfe)
    print("| n | travelled | error of x0h |\n| --- | --- | --- |")
    for row in way.table():
        print(f"| {row['n']} | {row['travelled']:.4f} | {row['error']:.4f} |")
    print(f"| 0 | {float(way.travelled[-1]):.4f} | |")
    print(f"\nstraight line {way.straight:.4f}, detour {way.detour:.2f}")
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
    axes.set_title(f"from n = {way.nodes[0]} (JPEG) to n = 0 (restored)", fontsize=10)
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
    parser.add_argument("--weights", default="jpeg")
    parser.add_argument("--nfe", type=int, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images/trajectory.png")
    arguments = parser.parse_args()
    main(arguments.weights, arguments.nfe, arguments.out)
