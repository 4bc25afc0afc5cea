"""Make the crops of held-out photographs that tests and benchmarks measure on.

    python scripts/heldout_crops.py SPLIT_FOLDER

writes benchmarks/heldout/: of each photograph in SPLIT_FOLDER/heldout-*.tar (scripts/split_photos.py) the middle
256x256 pixels, as validation cuts them, lossless and named by its key; and CREDITS.csv.
"""

import re
import sys
from dataclasses import asdict
from pathlib import Path

from make_shipped_photos import write_credits
from photo_sources import read_sources

from i2sbkit.files import atomic
from i2sbkit.images import uint8_to_pil
from i2sbkit.sources.photographs import centre, read_photograph
from i2sbkit.sources.shards import Sample, open_index

OUT = Path(__file__).parent.parent / "benchmarks/heldout"
SIZE = 256


def main(split: Path) -> None:
    """Write the crops and their credits."""
    samples = sorted(open_index([split / "heldout-*.tar"]).samples, key=lambda sample: sample.key)
    for sample in samples:
        write_crop(sample, OUT / file_name(sample.key))
    credits = {key: {**asdict(source), "file": file_name(key)} for key, source in read_sources().items()}
    write_credits(OUT / "CREDITS.csv", [sample.key for sample in samples], credits)
    print(f"{len(samples)} crops in {OUT}")


def file_name(key: str) -> str:
    """The file of a photograph, its key made a name that every system takes."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", key) + ".webp"


def write_crop(sample: Sample, path: Path) -> None:
    """The middle of a photograph as lossless WebP."""
    photograph = read_photograph(sample, paired=False, scale=1)
    down, right = photograph.spare(SIZE)
    crop = photograph.cut(centre(down, whole=False), centre(right, whole=False), SIZE)
    with atomic(path) as temporary:
        uint8_to_pil(crop.clean).save(temporary, "WEBP", lossless=True, quality=100, method=6)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
