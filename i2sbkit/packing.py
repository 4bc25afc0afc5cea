"""A folder of photographs as shards: equal folders give equal bytes, and nothing half-done is left behind."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from webdataset import TarWriter

from .images import FORMATS, SAVE_OPTIONS, uint8_to_pil
from .jobs import pictures_in
from .kernel.errors import Error
from .reporting import Bar
from .shards import Sample, folder_keys, read_pixels
from .stopping import Stopped, StopRequest, stop_requests
from .tars import Part

COMPANIONS = (".json", ".txt", ".npy")
"""What is packed with a picture where it lies beside it under the same name."""
MEGABYTE = 1_000_000


@dataclass
class Packed:
    """What was packed.

    Attributes:
        shards: the files written.
        photographs: how many are in them.
        failed: what could not be read or resized, and so was left out, a line each.
    """

    shards: list[Path] = field(default_factory=list)
    photographs: int = 0
    failed: list[str] = field(default_factory=list)


def pack(
    folder: Path, out: Path, *, shard_size: float = 100, size: int | None = None, overwrite: bool = False
) -> Packed:
    """Write the pictures in a folder and those below it to `out/<name of out>-000000.tar` and on.

    Files are packed as they are, with what lies beside them; a photograph without .json gets one with its path. All
    shards are written aside first and take their places at the end.

    Args:
        shard_size: megabytes after which a new shard is begun.
        size: photographs whose shorter side is longer in pixels are made smaller, by Lanczos, upright and without
            metadata.
        overwrite: replace the shards of an earlier packing into `out`; other files there stay.

    Raises:
        Error: no pictures there, none left, or `out` is not empty.
        Stopped: Ctrl-C or SIGTERM came; `out` is as it was.
    """
    if not folder.is_dir():
        raise Error(f"{folder}: no such folder")
    files = pictures_in(folder)
    if out.exists() and not out.is_dir():
        raise Error(f"{out}: a file; OUT is a folder for shards")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise Error(
            f"{out}: not empty; take another folder, or --overwrite to replace the shards packed into it before"
        )
    out.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".packing-", dir=out))
    packed = Packed()
    try:
        with Bar(len(files), 0, "photograph") as bar, stop_requests() as stop:
            samples = _samples(folder, files, size, packed, bar, stop)
            _write_shards(aside, _name(out), samples, shard_size * MEGABYTE)
        if not packed.photographs:
            raise Error(f"{folder}: none of its pictures could be read; `i2sbkit shards check {folder}` says more")
        packed.shards = _settle(aside, out)
    finally:
        shutil.rmtree(aside)
    return packed


def _name(out: Path) -> str:
    return out.resolve().name or "photos"


def _samples(
    folder: Path, files: list[Path], size: int | None, packed: Packed, bar: Bar, stop: StopRequest
) -> Iterator[dict[str, str | bytes]]:
    """Photographs as webdataset writes them: their parts by extension, and `__key__`."""
    keys = folder_keys(file.relative_to(folder) for file in files)
    for done, (key, file) in enumerate(zip(keys, files, strict=True), 1):
        if stop.signum is not None:
            raise Stopped("stopped; nothing was packed", stop.signum)
        bar.show(done, "")
        parts = {"json": json.dumps({"path": file.relative_to(folder).as_posix()}, ensure_ascii=False).encode()}
        try:
            for beside in map(file.with_suffix, COMPANIONS):
                if beside.is_file():
                    parts[beside.suffix[1:]] = beside.read_bytes()
            parts[file.suffix.lower()[1:]] = _picture(file, size)
        except (Error, OSError) as error:
            packed.failed.append(str(error))
            bar.say(f"left out: {error}")
            continue
        packed.photographs += 1
        yield {"__key__": key, **parts}


def _picture(file: Path, size: int | None) -> bytes:
    """A picture file's bytes, or those of a smaller one in its format."""
    data = file.read_bytes()
    if size is None:
        return data
    suffix = file.suffix.lower()
    pixels = read_pixels(Sample(str(file), 0, {suffix[1:]: Part(file, 0, len(data))}))
    image = uint8_to_pil(pixels)
    factor = size / min(image.size)
    if factor >= 1:
        return data
    smaller = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    smaller.save(encoded, FORMATS[suffix], **SAVE_OPTIONS.get(FORMATS[suffix], {}))
    return encoded.getvalue()


def _write_shards(folder: Path, name: str, samples: Iterable[dict[str, str | bytes]], limit: float) -> None:
    """Write samples to `name-000000.tar` and on; a shard takes at least one, then as many as fit in `limit` bytes."""
    shard: list[dict[str, str | bytes]] = []
    number, filled = 0, 0
    for sample in samples:
        weight = sum(map(len, sample.values()))
        if shard and filled + weight > limit:
            _write_shard(folder / f"{name}-{number:06d}.tar", shard)
            shard, number, filled = [], number + 1, 0
        shard.append(sample)
        filled += weight
    if shard:
        _write_shard(folder / f"{name}-{number:06d}.tar", shard)


def _write_shard(path: Path, samples: list[dict[str, str | bytes]]) -> None:
    """A tar that depends on nothing but the samples, on the disk when this returns."""
    with path.open("wb") as file:
        # PAX, because USTAR takes no path of more than 255 bytes.
        with TarWriter(file, user="", group="", mtime=0, encoder=False, format="PAX_FORMAT") as writer:
            for sample in samples:
                writer.write(sample)
        file.flush()
        os.fsync(file.fileno())


def _settle(aside: Path, out: Path) -> list[Path]:
    """Move the new shards to their places, and take away those of an earlier packing, with their indexes."""
    new = [shard.replace(out / shard.name) for shard in sorted(aside.glob("*.tar"))]
    for old in out.iterdir():
        if re.fullmatch(re.escape(_name(out)) + r"-\d{6,}\.tar(\.index\.json)?", old.name) and old not in new:
            old.unlink()
    return new
