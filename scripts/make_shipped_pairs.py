"""Make the pairs that the repository ships, from the photographs that it ships.

    python scripts/make_shipped_pairs.py

writes recipes/photos/pairs-train-000000.tar and pairs-val-000000.tar: each photograph of train- and val-000000.tar,
its shorter side 128 pixels, with a drawing of its edges as the degraded picture. recipes/pix2pix.toml trains on them.
Credits as those of the photographs, recipes/photos/CREDITS.csv.
"""

import io
from pathlib import Path

import numpy as np
import webdataset
from PIL import Image, ImageFilter, ImageOps
from split_photos import read

PHOTOS = Path(__file__).parent.parent / "recipes/photos"
SHORTER = 128
SHARE = 0.12
"""The share of a picture that its drawing covers."""


def main() -> None:
    """Write both shards."""
    for group in ("train", "val"):
        with webdataset.TarWriter(str(PHOTOS / f"pairs-{group}-000000.tar"), mtime=0, encoder=False) as writer:
            for key, parts in read(PHOTOS / f"{group}-000000.tar").items():
                with Image.open(io.BytesIO(parts["jpg"])) as file:
                    image = shrink(file.convert("RGB"))
                clean, degraded = io.BytesIO(), io.BytesIO()
                image.save(clean, "JPEG", quality=75, optimize=True)
                drawing(image).save(degraded, "PNG", optimize=True)
                writer.write({"__key__": key, "jpg": clean.getvalue(), "degraded.png": degraded.getvalue()})


def shrink(image: Image.Image) -> Image.Image:
    """Lanczos to the shorter side."""
    factor = SHORTER / min(image.size)
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)


def drawing(image: Image.Image) -> Image.Image:
    """The strongest edges of a picture, black on white, one bit a pixel."""
    gray = image.convert("L").filter(ImageFilter.GaussianBlur(1))
    edges = ImageOps.expand(ImageOps.crop(gray.filter(ImageFilter.FIND_EDGES), 1), 1)  # the border is not filtered
    values = np.asarray(edges)
    return Image.fromarray(values <= max(np.quantile(values, 1 - SHARE), 4))


if __name__ == "__main__":
    main()
