"""The held-out crops in benchmarks/heldout: what quality is measured on, and no bundled model has seen."""

import csv
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
CROPS = ROOT / "benchmarks" / "heldout"
FREE = {"public-domain", "CC0", "CC0-1.0"}


def credits(path):
    """key -> row of a file of credits."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"].rpartition(".")[0]: row for row in csv.DictReader(file)}


def test_there_are_31_crops_of_256_pixels():
    """All of one size, RGB and lossless, together below 3.5 MB."""
    files = sorted(CROPS.glob("*.webp"))
    assert len(files) == 31
    for path in files:
        assert path.read_bytes()[12:16] == b"VP8L", f"{path.name} is not lossless"
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((256, 256), "RGB")
    assert sum(path.stat().st_size for path in files) < 3.5e6


def test_no_bundled_weights_were_trained_on_a_held_out_photograph():
    """Neither on the photograph nor on one of its name in another version of its package."""
    trained = credits(ROOT / "i2sbkit" / "weights" / "CREDITS.csv")
    assert len(trained) > 100
    heldout = {path.stem.partition("__")[2] for path in CROPS.glob("*.webp")}
    assert heldout.isdisjoint(key.partition("__")[2] for key in trained)


def test_each_crop_is_credited_and_free():
    """One row a file, with package, path, author and a licence that asks for nothing."""
    rows = credits(CROPS / "CREDITS.csv")
    assert rows.keys() == {path.stem for path in CROPS.glob("*.webp")}
    for row in rows.values():
        assert row["licence"] in FREE
        assert row["package"] and row["version"] and row["original"] and row["author"]
