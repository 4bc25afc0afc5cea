"""The photographs in shards and folders: which there are, found without decoding, and their pixels."""

from __future__ import annotations

import hashlib
import re
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor
from webdataset.shardlists import expand_urls

from ..kernel.errors import Error
from ..pictures.decoding import decode_rgb
from ..pictures.finding import matches
from ..plain import short
from ..terminal import warn
from .folders import Group, scan_folder, scan_pairs
from .piped import PIPE, piped_shard
from .remote import URL, Remote, check_url, together
from .remote import find as find_remote
from .skipping import Damaged, Skipped
from .tars import DEGRADED_PICTURES, PICTURES, Part, Place, read_index, scan_shard, scan_tar

SCHEME = re.compile(r"(^|/|::)(pipe:|[a-z][a-z0-9+.-]+:/)", re.IGNORECASE)
"""A command or a URL, also behind a recipe's folder, where its slashes are folded into one."""
PATIENCE = 10.0
"""Seconds that the headers of remote shards may take before it is said how to do without reading them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One photograph and what lies beside it: parts by their extension, without the dot."""

    key: str
    shard: int
    parts: Mapping[str, Part]

    @property
    def picture(self) -> Part | None:
        """The part that is a picture, or None."""
        return self._first(PICTURES)

    @property
    def degraded(self) -> Part | None:
        """The part that is the degraded picture of a pair, or None."""
        return self._first(DEGRADED_PICTURES)

    def _first(self, extensions: tuple[str, ...]) -> Part | None:
        return next((self.parts[extension] for extension in extensions if extension in self.parts), None)


@dataclass(frozen=True)
class Index:
    """All samples that hold a picture, and the number of shards they lie in."""

    samples: tuple[Sample, ...]
    shards: int

    @cached_property
    def fingerprint(self) -> str:
        """What the data is, wherever it lies: keys and sizes of all samples."""
        digest = hashlib.sha256()
        for sample in self.samples:
            digest.update(repr((sample.key, sorted((ext, part.size) for ext, part in sample.parts.items()))).encode())
        return digest.hexdigest()[:16]


def open_index(paths: Sequence[str | Path], paired: bool = False, skipped: Skipped | None = None) -> Index:
    """What is in shards, brace patterns or globs of them, folders of shards, and folders of pictures.

    Args:
        paths: local ones, URLs of shards, and where the user allows it commands (`pipe:`) that write one.
        paired: every sample must bring its degraded picture; a folder holds them as `clean/` and `degraded/`.
        skipped: takes note of shards that are damaged, as for `tars.scan_shard`.

    Raises:
        Error: nothing there, a sample without its degraded picture where there must be one; or a shard is damaged, and
            `skipped` is strict or None.
    """
    samples: list[Sample] = []
    shards = 0
    for group in _groups(find(paths), paired, skipped):
        samples += [Sample(key, shards, parts) for key, parts in group.items()]
        shards += 1
    samples = [sample for sample in samples if sample.picture]
    if not samples:
        raise Error(
            f"no pictures in {', '.join(map(str, paths)) or 'nothing'}; `i2sbkit shards pack` makes shards of a folder"
        )
    if paired and (lacking := [sample for sample in samples if not sample.degraded]):
        raise _without_degraded(lacking[0], len(lacking))
    return Index(tuple(samples), shards)


def _groups(places: Sequence[Place], paired: bool, skipped: Skipped | None) -> Iterator[Group]:
    """What is in each shard, and in each run of files of a folder."""
    remote = _scan_remote([place for place in places if isinstance(place, Remote)], skipped)
    for place in places:
        if isinstance(place, Remote):
            yield remote[place]
        elif place.is_dir():
            yield from (scan_pairs if paired else scan_folder)(place)
        else:
            yield scan_shard(place, skipped)


def _scan_remote(shards: Sequence[Remote], skipped: Skipped | None) -> dict[Remote, Group]:
    """What is in remote shards: their indexes are read, and of those that have none the headers."""
    indexed = dict(zip(shards, together(read_index, shards), strict=True))
    bare = [shard for shard, group in indexed.items() if group is None]
    began = time.monotonic()
    scanned = dict(zip(bare, together(partial(scan_tar, skipped=skipped), bare), strict=True))
    if (seconds := time.monotonic() - began) > PATIENCE:
        warn(
            f"{bare[0]}: {len(bare)} shards have no index beside them: a request for each file in them, which took "
            f"{seconds:.0f} s; `i2sbkit shards index` writes indexes, to be uploaded with the shards"
        )
    return {shard: scanned[shard] if group is None else group for shard, group in indexed.items()}


def find(paths: Iterable[str | Path]) -> list[Place]:
    """The shards that paths, URLs and commands, brace patterns, globs and folders stand for, as `expand` has them.

    Raises:
        Error: there is no such thing, or a command is not allowed.
    """
    found: list[Place] = []
    for given in map(str, paths):
        if given.startswith(PIPE):
            found += map(piped_shard, _expanded(given))
        elif URL.match(given):
            check_url(given)
            found += find_remote(_expanded(given))
        else:
            found += expand([given])
    return found


def expand(paths: Iterable[str | Path]) -> list[Path]:
    """The local shards that paths, patterns and folders stand for; a folder without shards stays a folder.

    Raises:
        Error: there is no such thing, or it is not local.
    """
    found: list[Path] = []
    for path in (match for given in paths for match in _matches(str(given))):
        found += (sorted(path.glob("*.tar")) or [path]) if path.is_dir() else [path]
    return found


def _matches(given: str) -> list[Path]:
    """What is there under a name; a name that exists stands for itself, whatever signs it holds."""
    if given and Path(given).exists():
        return [Path(given)]
    if SCHEME.search(given):
        raise Error(f"{given}: only local files and folders are read")
    found: list[Path] = []
    for text in _expanded(given):
        path = Path(text)
        there = [path] if path.exists() else matches(path)
        if not text or not there:
            raise Error(f"{text or 'empty path'}: no such shard or folder; give .tar files or a folder of pictures")
        found += there
    return found


def _expanded(given: str) -> list[str]:
    """The names that a brace pattern stands for."""
    try:
        names: list[str] = expand_urls(given)
    except ValueError as error:
        raise Error(f"{given}: not a path or pattern ({error})") from None
    return names


def read_pixels(sample: Sample) -> Tensor:
    """A sample's picture as 8-bit RGB (3, H, W), turned upright; alpha is left out.

    Raises:
        Damaged: it cannot be decoded, or not without loss: gray of more than 8 bits, CMYK without a profile.
        Error: it cannot be read.
    """
    part = sample.picture
    assert part is not None
    return decode(part.read(), str(part.path), sample.key)


def read_degraded(sample: Sample) -> Tensor:
    """The same of the degraded picture beside it.

    Raises:
        Damaged: as `read_pixels`.
        Error: there is none, or as `read_pixels`.
    """
    part = sample.degraded
    if part is None:
        raise _without_degraded(sample, 1)
    return decode(part.read(), str(part.path), f"{sample.key}: degraded")


def decode(data: bytes, place: str, key: str = "") -> Tensor:
    """The bytes of a picture file as 8-bit RGB (3, H, W); place and key say in messages where they are from.

    Raises:
        Damaged, Error: as `read_pixels`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata nothing is wanted but which way is up
            levels = decode_rgb(data)
    except MemoryError:
        what = "not a readable picture (too large for memory)"
        raise Error(": ".join(filter(None, (place, key, what)))) from None
    except Exception as error:  # on broken bytes Pillow's decoders raise nearly everything
        raise Damaged(place, key, f"not a readable picture ({short(error)}); try `i2sbkit shards check`") from None
    return torch.from_numpy(levels.transpose(2, 0, 1).copy())


def _without_degraded(sample: Sample, count: int) -> Error:
    part = sample.picture
    of = f" (and {count - 1} others)" if count > 1 else ""
    return Error(
        f"{part.path if part else ''}: {sample.key}{of}: no degraded picture beside it, which data.paired needs as "
        "KEY.degraded.png or alike; `i2sbkit shards pack FOLDER OUT --paired` makes such shards"
    )
