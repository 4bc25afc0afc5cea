"""Split photograph shards into what the bundled models train on and what is held out (scripts/heldout.txt).

    python scripts/split_photos.py SHARDS_FOLDER OUT_FOLDER

writes OUT/train-*.tar and OUT/heldout-*.tar; nothing is decoded or re-encoded.
"""

import sys
import tarfile
from pathlib import Path

import webdataset

PER_SHARD = 40


def is_heldout(key: str, names: list[str]) -> bool:
    """Whether a sample's key (package__name) is on the list."""
    name = key.split("__", 1)[-1]
    return any(key.startswith(entry[:-1]) if entry.endswith("*") else name == entry for entry in names)


def main(source: Path, out: Path) -> None:
    """Split every sample of the shards in `source`."""
    lines = (Path(__file__).parent / "heldout.txt").read_text("utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    out.mkdir(parents=True, exist_ok=True)
    groups: dict[str, list[dict[str, object]]] = {"train": [], "heldout": []}
    for shard in sorted(source.glob("*.tar")):
        for key, parts in read(shard).items():
            groups["heldout" if is_heldout(key, names) else "train"].append({"__key__": key, **parts})
    for group, samples in groups.items():
        for start in range(0, len(samples), PER_SHARD):
            with webdataset.TarWriter(
                str(out / f"{group}-{start // PER_SHARD:06d}.tar"), mtime=0, encoder=False
            ) as writer:
                for sample in samples[start : start + PER_SHARD]:
                    writer.write(sample)
        print(f"{group}: {len(samples)} photographs")


def read(shard: Path) -> dict[str, dict[str, bytes]]:
    """key -> extension -> bytes of a shard."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(shard) as tar:
        for member in tar:
            if member.isfile() and (file := tar.extractfile(member)):
                key, _, extension = member.name.partition(".")
                found.setdefault(key, {})[extension] = file.read()
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
