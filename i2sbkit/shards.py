"""Shards and folders of photographs: what is in them, found without decoding anything.

A shard is a tar in webdataset's format: files of one name up to the first dot form a sample. Only pictures, .npy, .json
and .txt are seen; nothing that could be a pickle is ever read.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from webdataset.shardlists import expand_urls

from .images import FORMATS
from .kernel.errors import Error

PICTURES = tuple(suffix[1:] for suffix in FORMATS)
READABLE = (*PICTURES, "npy", "json", "txt")
FOLDER_GROUP = 256
"""So many pictures of a folder count as a shard when the order is drawn."""


@dataclass(frozen=True)
class Part:
    """The bytes of one file: in a shard, or the file itself at offset 0."""

    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """The bytes.

        Raises:
            Error: they are no longer there.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.size)
        except OSError as error:
            raise Error(f"{self.path}: cannot be read ({error})") from None
        if len(data) < self.size:
            raise Error(f"{self.path}: truncated; `i2sbkit shards check {self.path}` says more")
        return data


@dataclass(frozen=True)
class Sample:
    """One photograph and what lies beside it: parts by their extension, without the dot."""

    key: str
    shard: int
    parts: Mapping[str, Part]

    @property
    def picture(self) -> Part | None:
        """The part that is a picture, or None."""
        return next((self.parts[extension] for extension in PICTURES if extension in self.parts), None)


@dataclass(frozen=True)
class Index:
    """All samples that hold a picture, and the number of shards they lie in."""

    samples: tuple[Sample, ...]
    shards: int


def open_index(paths: Sequence[str | Path]) -> Index:
    """What is in shards, brace patterns or globs of them, folders of shards, and folders of pictures.

    Raises:
        Error: nothing there, not a tar, truncated, or a URL (only local files are read).
    """
    samples: list[Sample] = []
    shards = 0
    for path in (found for given in paths for found in _expand(str(given))):
        groups = [scan_shard(path)] if path.is_file() else _scan_folder(path)
        for group in groups:
            samples += [Sample(key, shards, parts) for key, parts in group.items()]
            shards += 1
    samples = [sample for sample in samples if sample.picture]
    if not samples:
        raise Error(
            f"no pictures in {', '.join(map(str, paths)) or 'nothing'}; `i2sbkit shards pack` makes shards of a folder"
        )
    return Index(tuple(samples), shards)


def _expand(given: str) -> list[Path]:
    """The shards and folders that a path, brace pattern or glob stands for."""
    if given.startswith("pipe:") or "://" in given:
        raise Error(f"{given}: only local files and folders are read")
    found: list[Path] = []
    for text in expand_urls(given):
        path = Path(text)
        matches = [path] if path.exists() else sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
        if not matches:
            raise Error(f"{text}: no such shard or folder")
        for match in matches:
            found += (sorted(match.glob("*.tar")) or [match]) if match.is_dir() else [match]
    return found


def scan_shard(path: Path) -> dict[str, dict[str, Part]]:
    """key -> extension -> part, in the order of the tar; from its index where one lies beside it and is current.

    Raises:
        Error: not a tar, or truncated.
    """
    indexed = _read_index(path)
    if indexed is not None:
        return indexed
    found: dict[str, dict[str, Part]] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                _place(found, member.name, Part(path, member.offset_data, member.size), member.isreg())
        size = path.stat().st_size
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Error(f"{path}: not a readable tar ({error}); `i2sbkit shards check {path}` says more") from None
    if any(part.offset + part.size > size for parts in found.values() for part in parts.values()):
        raise Error(f"{path}: truncated; `i2sbkit shards check {path}` says more")
    return found


def _place(found: dict[str, dict[str, Part]], name: str, part: Part, regular: bool) -> None:
    """File a tar member under its key and extension, if it is of a kind that is read."""
    folder, _, base = name.rpartition("/")
    stem, _, extension = base.partition(".")
    if regular and stem and extension.lower() in READABLE:
        found.setdefault(f"{folder}/{stem}" if folder else stem, {})[extension.lower()] = part


def _scan_folder(path: Path) -> list[dict[str, dict[str, Part]]]:
    """The pictures of a folder and those below it, in groups; the key is the relative path without its suffix."""
    found: dict[str, dict[str, Part]] = {}
    for file in sorted(path.rglob("*")):
        place = file.relative_to(path)
        if file.suffix.lower() in FORMATS and file.is_file() and not any(name.startswith(".") for name in place.parts):
            part = Part(file, 0, file.stat().st_size)
            found.setdefault(place.as_posix(), {})[file.suffix.lower()[1:]] = part
    items = list(found.items())
    return [dict(items[start : start + FOLDER_GROUP]) for start in range(0, len(items), FOLDER_GROUP)]


def index_path(shard: Path) -> Path:
    """Where the index of a shard lies."""
    return shard.with_name(shard.name + ".index.json")


def _read_index(shard: Path) -> dict[str, dict[str, Part]] | None:
    """The index beside a shard, or None where there is none for the shard as it is."""
    try:
        document = json.loads(index_path(shard).read_text("utf-8"))
        stat = shard.stat()
        if [document["size"], document["mtime_ns"]] != [stat.st_size, stat.st_mtime_ns]:
            return None
        return {
            key: {extension: Part(shard, int(offset), int(size)) for extension, (offset, size) in parts.items()}
            for key, parts in document["samples"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def read_pixels(sample: Sample) -> Tensor:
    """A sample's picture as 8-bit RGB (3, H, W), turned upright.

    Raises:
        Error: it cannot be decoded.
    """
    part = sample.picture
    assert part is not None
    try:
        with Image.open(io.BytesIO(part.read())) as file:
            array = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Error(
            f"{part.path}: {sample.key}: not a readable picture ({error}); try `i2sbkit shards check`"
        ) from None
    return torch.from_numpy(array.copy()).permute(2, 0, 1).contiguous()
