"""Make docs/images/jpeg.png, the picture in the README: degraded | restored | original, and a detail of each.

    python scripts/readme_picture.py [--weights FILE]

The photograph is one of examples/jpeg, which `i2sbkit degrade examples/clean examples/jpeg --task jpeg` wrote; the
weights are the bundled ones unless given. The PSNR under each is of the whole photograph.
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import i2sbkit
from i2sbkit.metrics import psnr

ROOT = Path(__file__).parent.parent
PHOTOGRAPH = "blue-periwinkle"
DETAIL = (250, 145, 370, 235)  # left, top, right, bottom
WIDTH, GAP, CAPTION = 320, 6, 26


def main(weights: str, out: Path) -> None:
    """Restore the photograph and lay the three versions side by side."""
    with Image.open(ROOT / f"examples/jpeg/{PHOTOGRAPH}.jpg") as file:
        degraded = file.convert("RGB")
    with Image.open(ROOT / f"examples/clean/{PHOTOGRAPH}.png") as file:
        original = file.convert("RGB")
    restored = i2sbkit.load(weights, device="cpu").restore(degraded)
    columns = [
        column(degraded, f"JPEG, {decibels(degraded, original)}"),
        column(restored, f"restored, {decibels(restored, original)}"),
        column(original, "original"),
    ]
    strip = Image.new("RGB", (3 * WIDTH + 2 * GAP, columns[0].height), "white")
    for index, each in enumerate(columns):
        strip.paste(each, (index * (WIDTH + GAP), 0))
    out.parent.mkdir(parents=True, exist_ok=True)
    strip.save(out, optimize=True)


def decibels(image: Image.Image, reference: Image.Image) -> str:
    """PSNR over RGB, for a caption."""
    return f"{psnr(i2sbkit.from_pil(image), i2sbkit.from_pil(reference)):.2f} dB"


def column(image: Image.Image, caption: str) -> Image.Image:
    """The whole photograph with the place of the detail marked, the detail enlarged, and a caption."""
    detail = image.crop(DETAIL)
    detail = detail.resize((WIDTH, round(detail.height * WIDTH / detail.width)), Image.Resampling.NEAREST)
    scale = WIDTH / image.width
    whole = image.resize((WIDTH, round(image.height * scale)), Image.Resampling.LANCZOS)
    ImageDraw.Draw(whole).rectangle([round(edge * scale) for edge in DETAIL], outline="white")
    page = Image.new("RGB", (WIDTH, whole.height + GAP + detail.height + CAPTION), "white")
    page.paste(whole, (0, 0))
    page.paste(detail, (0, whole.height + GAP))
    place = (WIDTH // 2, page.height - CAPTION // 2)
    ImageDraw.Draw(page).text(place, caption, "black", ImageFont.load_default(15), anchor="mm")
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="jpeg", metavar="FILE", help="a weights file, or a bundled task")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images/jpeg.png", metavar="FILE")
    options = parser.parse_args()
    main(options.weights, options.out)
