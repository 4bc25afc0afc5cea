"""Shards with each kind of damage, and what is whole in them."""

import tarfile
from pathlib import Path

from photographs import make_shards


def flip(path: Path, at: int) -> None:
    """Turn a bit of a file over."""
    data = bytearray(path.read_bytes())
    data[at] ^= 16
    path.write_bytes(data)


def place_of(shard: Path, number: int) -> tarfile.TarInfo:
    """Where a member lies."""
    with tarfile.open(shard) as tar:
        return tar.getmembers()[number]


def damaged_shards(folder: Path) -> Path:
    """Four shards of five photographs: cut off in the 4th, the header of the 3rd flipped, two pictures flipped, whole.

    Whole are 2 + 1 + 3 + 5: the last before a tar's damage does not count, as it might lack parts.
    """
    make_shards(folder, (5, 5, 5, 5))
    cut, flipped, broken = (folder / f"s-00000{number}.tar" for number in range(3))
    member = place_of(cut, 3)
    cut.write_bytes(cut.read_bytes()[: member.offset_data + member.size // 2])
    flip(flipped, place_of(flipped, 2).offset + 5)
    for number in (1, 3):
        member = place_of(broken, number)
        flip(broken, member.offset_data + member.size // 2)
    return folder
