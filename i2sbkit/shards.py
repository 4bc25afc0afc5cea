"""The photographs in shards and folders: which there are, found without decoding, and their pixels."""

from __future__ import annotations

import hashlib
import io
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from webdataset.shardlists import expand_urls

from .folders import scan_folder, scan_pairs
from .kernel.errors import Error
from .tars import DEGRADED_PICTURES, PICTURES, Part, scan_shard

SCHEME = re.compile(r"(^|/|::)(pipe:|[a-z][a-z0-9+.-]+:/)", re.IGNORECASE)
"""A command or a URL, also behind a recipe's folder, where its slashes are folded into one."""
UNDECODABLE = (OSError, SyntaxError, ValueError, TypeError, EOFError, LookupError, struct.error)
"""What Pillow's decoders raise on broken bytes."""


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


def open_index(paths: Sequence[str | Path], paired: bool = False) -> Index:
    """What is in shards, brace patterns or globs of them, folders of shards, and folders of pictures.

    Args:
        paired: every sample must bring its degraded picture; a folder holds them as `clean/` and `degraded/`.

    Raises:
        Error: nothing there, not a tar, truncated, a sample without its degraded picture where there must be one, or a
            URL (only local files are read).
    """
    samples: list[Sample] = []
    shards = 0
    for path in expand(paths):
        scan = scan_pairs if paired else scan_folder
        groups = scan(path) if path.is_dir() else [scan_shard(path)]
        for group in groups:
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


def expand(paths: Iterable[str | Path]) -> list[Path]:
    """The shards that paths, brace patterns, globs and folders stand for; a folder without shards stays a folder.

    Raises:
        Error: there is no such thing, or it is a URL.
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
    try:
        texts = expand_urls(given)
    except ValueError as error:
        raise Error(f"{given}: not a path or pattern ({error})") from None
    found: list[Path] = []
    for text in texts:
        path = Path(text)
        matches = [path] if path.exists() else sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
        if not text or not matches:
            raise Error(f"{text or 'empty path'}: no such shard or folder; give .tar files or a folder of pictures")
        found += matches
    return found


def read_pixels(sample: Sample) -> Tensor:
    """A sample's picture as 8-bit RGB (3, H, W), turned upright; alpha is left out.

    Raises:
        Error: it cannot be decoded, or is gray of more than 8 bits, which Pillow would turn white.
    """
    part = sample.picture
    assert part is not None
    return decode(part.read(), f"{part.path}: {sample.key}")


def read_degraded(sample: Sample) -> Tensor:
    """The same of the degraded picture beside it.

    Raises:
        Error: there is none, or it cannot be decoded.
    """
    part = sample.degraded
    if part is None:
        raise _without_degraded(sample, 1)
    return decode(part.read(), f"{part.path}: {sample.key}: degraded")


def decode(data: bytes, where: str) -> Tensor:
    """The bytes of a picture file as 8-bit RGB (3, H, W); `where` says in messages where they are from.

    Raises:
        Error: as `read_pixels`.
    """
    try:
        with Image.open(io.BytesIO(data)) as file:
            if file.mode[0] in "IF":
                raise ValueError(f"more than 8 bits, Pillow mode {file.mode}: convert it first")
            array = np.array(ImageOps.exif_transpose(file).convert("RGB"))
    except (*UNDECODABLE, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Error(f"{where}: not a readable picture ({error}); try `i2sbkit shards check`") from None
    return torch.from_numpy(array).permute(2, 0, 1).contiguous()


def _without_degraded(sample: Sample, count: int) -> Error:
    part = sample.picture
    of = f" (and {count - 1} others)" if count > 1 else ""
    return Error(
        f"{part.path if part else ''}: {sample.key}{of}: no degraded picture beside it, which data.paired needs as "
        "KEY.degraded.png or alike; `i2sbkit shards pack FOLDER OUT --paired` makes such shards"
    )
