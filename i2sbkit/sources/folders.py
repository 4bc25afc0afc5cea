"""What is in a folder of pictures: their keys, and which clean and degraded ones belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from ..kernel.errors import Error
from ..pictures.finding import pictures_in
from .tars import DEGRADED, Part

FOLDER_GROUP = 256
"""So many pictures of a folder count as a shard when the order is drawn."""

Group = dict[str, dict[str, Part]]
"""key -> extension -> part."""


def scan_folder(path: Path) -> list[Group]:
    """The pictures of a folder and those below it, by key and extension, in groups; hidden ones are passed over.

    Raises:
        Error: there are none.
    """
    files = pictures_in(path)
    keys = folder_keys(file.relative_to(path) for file in files)
    return _grouped([(key, {extension(file): _whole(file)}) for key, file in zip(keys, files, strict=True)])


def scan_pairs(path: Path) -> list[Group]:
    """The same of a folder that holds the clean pictures in `clean` and the degraded ones in `degraded`.

    Raises:
        Error: it does not, or a picture is without its other one.
    """
    matched = match_pairs(path / "clean", path / "degraded")
    if matched.left_out:
        more = f"; {len(matched.left_out) - 1} more" if len(matched.left_out) > 1 else ""
        raise Error(
            f"{matched.left_out[0]}{more}; remove what has no other, or "
            f"`i2sbkit shards pack {path} OUT --paired` makes shards without it"
        )
    return _grouped(
        [
            (key, {extension(clean): _whole(clean), DEGRADED + extension(degraded): _whole(degraded)})
            for key, clean, degraded in matched.pairs
        ]
    )


@dataclass(frozen=True)
class Matched:
    """The pairs of two folders as (key, clean file, degraded file), and a line for each file without its other one."""

    pairs: list[tuple[str, Path, Path]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def match_pairs(clean: Path, degraded: Path) -> Matched:
    """Which pictures of two folders belong together: those of one relative path, whatever their suffix.

    Of several that differ in nothing but the suffix, each goes with the one that has its own.

    Raises:
        Error: one of the folders is not there, or holds no pictures.
    """
    for folder in (clean, degraded):
        if not folder.is_dir():
            raise Error(
                f"{folder}: no such folder; pairs lie as FOLDER/clean/NAME.png and FOLDER/degraded/NAME.png "
                "(`i2sbkit shards pack --degraded DIR` takes the degraded ones from anywhere)"
            )
    cleans = {file.relative_to(clean): file for file in pictures_in(clean)}
    others = {file.relative_to(degraded): file for file in pictures_in(degraded)}
    alike = Counter(place.with_suffix("") for place in cleans)
    by_stem: dict[Path, list[Path]] = {}
    for place in others:
        by_stem.setdefault(place.with_suffix(""), []).append(place)
    partners: dict[Path, Path] = {}
    for place in cleans:
        stems = by_stem.get(place.with_suffix(""), [])
        if place in others:
            partners[place] = place
        elif len(stems) == 1 and alike[place.with_suffix("")] == 1:
            partners[place] = stems[0]
    taken = set(partners.values())
    left_out = [f"{file}: no degraded picture of that name" for place, file in cleans.items() if place not in partners]
    left_out += [f"{file}: no clean picture of that name" for place, file in others.items() if place not in taken]
    pairs = [
        (key, cleans[place], others[partners[place]])
        for key, place in zip(folder_keys(partners), partners, strict=True)
    ]
    return Matched(pairs, left_out)


def folder_keys(places: Iterable[PurePath]) -> list[str]:
    """The keys of a folder's files, in a shard too: the path without its suffix, with _ for dots.

    Of files that would share a key (`a.jpg`, `a.png`) the second gets its suffix added, then a number.
    """
    keys: dict[str, None] = {}
    for place in places:
        plain = place.with_suffix("").as_posix().replace(".", "_")
        key, count = plain, 1
        while key in keys:
            key = f"{plain}_{place.suffix[1:].lower()}{count if count > 1 else ''}"
            count += 1
        keys[key] = None
    return list(keys)


def extension(file: PurePath) -> str:
    """A file's suffix as shards have it: lower case, without the dot."""
    return file.suffix.lower()[1:]


def _whole(file: Path) -> Part:
    return Part(file, 0, file.stat().st_size)


def _grouped(items: list[tuple[str, dict[str, Part]]]) -> list[Group]:
    return [dict(items[start : start + FOLDER_GROUP]) for start in range(0, len(items), FOLDER_GROUP)]
