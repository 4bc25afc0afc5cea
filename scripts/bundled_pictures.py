"""Pictures of what the bundled weights do: one for the README, one for each model card.

    python scripts/bundled_pictures.py readme          docs/images/bundled.webp, a crop a task
    python scripts/bundled_pictures.py TASK...         docs/images/card-TASK.webp: the best, the median and the worst

Damaged | restored | original, crops of 256 pixels of benchmarks/heldout, which no bundled weights have seen, with their
PSNR. Best and worst are by what was gained in PSNR. The weights are the bundled ones, their sampler their own.
"""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont

import i2sbkit
from i2sbkit.metrics import psnr

ROOT = Path(__file__).parent.parent
HELDOUT, IMAGES = ROOT / "benchmarks/heldout", ROOT / "docs/images"
GAP, CAPTION = 4, 22
DAMAGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpeg": ("JPEG quality 10", "jpeg", {"quality": 10}),
    "blur": ("uniform blur 9x9", "blur", {"size": 9}),
    "sr4x": ("a quarter of the size", "superres", {"scale": 4, "filter": "bicubic"}),
    "inpaint": ("10 to 20 % missing", "inpaint", {"shape": "freeform", "ratio": (0.1, 0.2)}),
}
SHOWN = {
    "jpeg": "budgie-backgrounds__blue-periwinkle",
    "blur": "budgie-backgrounds__lake-sherburne",
    "sr4x": "endless-sky-high-dpi-sid__station46",
    "inpaint": "endless-sky-high-dpi__beach3",
}


@dataclass(frozen=True)
class Row:
    """Three pictures of one crop, and the PSNR of the first two in dB."""

    name: str
    damage: str
    damaged: Image.Image
    restored: Image.Image
    original: Image.Image

    @property
    def before(self) -> float:
        return psnr(i2sbkit.from_pil(self.damaged), i2sbkit.from_pil(self.original))

    @property
    def after(self) -> float:
        return psnr(i2sbkit.from_pil(self.restored), i2sbkit.from_pil(self.original))


def row(model: i2sbkit.Model, task: str, name: str) -> Row:
    """Damage a crop, with draws that follow from its name, and restore it; a small picture is shown enlarged."""
    damage, corruption, options = DAMAGES[task]
    with Image.open(HELDOUT / f"{name}.webp") as file:
        original = file.convert("RGB")
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    part = i2sbkit.registry.build("corruption", corruption, **options)
    y = part.corrupt(i2sbkit.from_pil(original), torch.Generator().manual_seed(seed))
    damaged = i2sbkit.to_pil(y.image)
    restored = model.restore(damaged, mask=y.mask)
    assert isinstance(restored, Image.Image), "one sample of one picture"
    return Row(name, damage, damaged.resize(original.size, Image.Resampling.BICUBIC), restored, original)


def page(rows: list[Row]) -> Image.Image:
    """Rows under each other, each with a caption for its three pictures."""
    side = rows[0].original.height
    sheet = Image.new("RGB", (3 * side + 2 * GAP, len(rows) * (side + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for top, each in zip(range(0, sheet.height, side + CAPTION), rows, strict=True):
        columns = {
            f"{each.damage}, {each.before:.2f} dB": each.damaged,
            f"restored, {each.after:.2f} dB": each.restored,
            "original": each.original,
        }
        for left, (caption, picture) in zip(range(0, sheet.width, side + GAP), columns.items(), strict=True):
            sheet.paste(picture, (left, top))
            draw.text((left + side // 2, top + side + CAPTION // 2), caption, "black", font, anchor="mm")
    return sheet


def extremes(task: str) -> list[Row]:
    """The crop that gains most, the one in the middle, and the one that gains least."""
    model = i2sbkit.load(task, device="cpu")
    rows = [row(model, task, path.stem) for path in sorted(HELDOUT.glob("*.webp"))]
    rows.sort(key=lambda each: each.before - each.after)
    return [rows[0], rows[len(rows) // 2], rows[-1]]


def main(wanted: list[str]) -> None:
    """Write the pictures that were asked for, and say of each row what it is."""
    torch.set_num_threads(1)
    sheets = {f"card-{task}": extremes(task) for task in wanted if task != "readme"}
    if "readme" in wanted:
        sheets["bundled"] = [row(i2sbkit.load(task, device="cpu"), task, name) for task, name in SHOWN.items()]
    for name, rows in sheets.items():
        page(rows).save(IMAGES / f"{name}.webp", quality=88, method=6)
        print(
            name, *(f"{each.name}: {each.damage} {each.before:.2f} -> {each.after:.2f} dB" for each in rows), sep="\n  "
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wanted", nargs="+", choices=("readme", *DAMAGES))
    main(parser.parse_args().wanted)
