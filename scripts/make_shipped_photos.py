"""Make the photographs that the repository ships, from the full shards (scripts/split_photos.py).

    python scripts/make_shipped_photos.py SPLIT_FOLDER SOURCES.csv

writes, all of public-domain or CC0 photographs, each with its credits beside it:
- recipes/photos/train-000000.tar: 48 training photographs, the default data of recipes/*.toml;
- recipes/photos/val-000000.tar: 8 held-out photographs, their default validation data;
- examples/clean/: 6 other held-out photographs;
and i2sbkit/weights/CREDITS.csv: every photograph of the training split, which the bundled weights were trained on.
"""

import csv
import io
import sys
from pathlib import Path

import webdataset
from PIL import Image
from split_photos import read

ROOT = Path(__file__).parent.parent
FREE = ("CC0", "CC0-1.0", "public-domain")
TRAIN, VAL = 48, 8
EXAMPLES = ("level-15", "beacon-street-sunset", "lake-sherburne", "blue-periwinkle", "mountain27", "typewriter")
FIELDS = ("file", "package", "suite", "version", "original", "licence", "author")


def main(split: Path, sources: Path) -> None:
    """Write all of them."""
    with sources.open(encoding="utf-8", newline="") as file:
        credits = {row["file"].rsplit(".", 1)[0].replace(".", "_"): row for row in csv.DictReader(file)}
    train, heldout = (photographs(split, group, credits) for group in ("train", "heldout"))
    stride = len(train) // TRAIN
    write_shard(ROOT / "recipes/photos/train-000000.tar", dict(list(train.items())[::stride][:TRAIN]), 320)
    named = {key: image for key, image in heldout.items() if key.split("__")[1] in EXAMPLES}
    rest = {key: image for key, image in heldout.items() if key not in named}
    write_shard(ROOT / "recipes/photos/val-000000.tar", dict(list(rest.items())[:: len(rest) // VAL][:VAL]), 320)
    shipped = [*list(train)[::stride][:TRAIN], *list(rest)[:: len(rest) // VAL][:VAL]]
    write_credits(ROOT / "recipes/photos/CREDITS.csv", shipped, credits)
    folder = ROOT / "examples/clean"
    folder.mkdir(parents=True, exist_ok=True)
    for key, image in named.items():
        # Scaled down, the traces of the source's own JPEG compression are gone.
        shrink(image, 384).save(folder / f"{key.split('__')[1]}.png", optimize=True)
    write_credits(ROOT / "examples/CREDITS.csv", list(named), credits)
    seen = sorted(key for shard in split.glob("train-*.tar") for key in read(shard))
    write_credits(ROOT / "i2sbkit/weights/CREDITS.csv", seen, credits)


def photographs(split: Path, group: str, credits: dict[str, dict[str, str]]) -> dict[str, Image.Image]:
    """The freely licensed photographs of a group, by key."""
    found = {}
    for shard in sorted(split.glob(f"{group}-*.tar")):
        for key, parts in read(shard).items():
            if credits[key]["licence"] in FREE:
                encoded = next(parts[extension] for extension in ("jpg", "png") if extension in parts)
                found[key] = Image.open(io.BytesIO(encoded)).convert("RGB")
    return dict(sorted(found.items()))


def shrink(image: Image.Image, shorter: int) -> Image.Image:
    """Lanczos to a shorter side."""
    factor = shorter / min(image.size)
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)


def write_shard(path: Path, images: dict[str, Image.Image], shorter: int) -> None:
    """A shard of JPEGs, quality 92, full chroma."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with webdataset.TarWriter(str(path), mtime=0, encoder=False) as writer:
        for key, image in images.items():
            file = io.BytesIO()
            shrink(image, shorter).save(file, "JPEG", quality=92, subsampling="4:4:4", optimize=True)
            writer.write({"__key__": key, "jpg": file.getvalue()})


def write_credits(path: Path, keys: list[str], credits: dict[str, dict[str, str]]) -> None:
    """Where each photograph is from."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(credits[key] for key in keys)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
