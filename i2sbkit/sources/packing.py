"""Photographs as shards: equal folders give equal bytes, and nothing half-done is left behind."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from webdataset import TarWriter

from ..images import FORMATS, SAVE_OPTIONS, uint8_to_pil
from ..kernel.errors import Error
from ..locking import NAME as LOCK
from ..locking import locked
from ..printable import one_line
from ..stopping import Stopped, StopRequest, stop_requests
from ..terminal import Bar
from .pack_sources import Files, Found, Item, Source, class_of
from .shards import decode
from .tars import DEGRADED, DEGRADED_PICTURES, PICTURES

MEGABYTE = 1_000_000
ASIDE = ".packing-"
"""What the name of a folder of shards that are not yet whole begins with."""


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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        shards = [str(shard) for shard in self.shards]
        return {"shards": shards, "photographs": self.photographs, "left_out": self.failed}


def pack(
    folder: Path,
    out: Path,
    *,
    shard_size: float = 100,
    size: int | None = None,
    overwrite: bool = False,
    source: Source = Source(),  # noqa: B008 - a value
) -> Packed:
    """Write the pictures in a folder and those below it to `out/<name of out>-000000.tar` and on.

    Files are packed as they are, with what lies beside them; a photograph without .json gets one with its path, and
    where labels are wanted its class, whose number is then in its .cls. All shards are written aside first and take
    their places at the end.

    Args:
        shard_size: megabytes after which a new shard is begun.
        size: photographs whose shorter side is longer in pixels are made smaller, by Lanczos, upright and without
            metadata; of pairs both, which must be of one size.
        overwrite: replace the shards of an earlier packing into `out`; other files there stay.
        source: how the folder is to be taken.

    Raises:
        Error: no pictures there, none left, or `out` is not empty; or another process packs into it.
        Stopped: Ctrl-C or SIGTERM came; `out` is as it was.
    """
    packed = Packed()
    with source.open(folder) as found, _aside(out, overwrite) as aside, stop_requests() as stop:
        with Bar(len(found.items), 0, "photograph") as bar:
            samples = _samples(found, size, packed, bar, stop)
            _write_shards(aside, _name(out), samples, shard_size * MEGABYTE)
        if not packed.photographs:
            raise Error(f"{folder}: none of its pictures could be packed; the first: {packed.failed[0]}")
        packed.shards = _settle(aside, out)
    return packed


@contextmanager
def _aside(out: Path, overwrite: bool) -> Iterator[Path]:
    """A folder in `out` for what is not yet whole; meanwhile no other process packs into `out`.

    What one that was killed left there is removed; if it is all that there is, `out` counts as empty.
    """
    if out.exists() and not out.is_dir():
        raise Error(f"{out}: a file; OUT is a folder for shards")
    with locked(out, "packs into it", "OUT"):
        for left in out.glob(ASIDE + "*"):
            shutil.rmtree(left)
        if not overwrite and any(path.name != LOCK for path in out.iterdir()):
            raise Error(
                f"{out}: not empty; take another folder, or --overwrite to replace the shards packed into it before"
            )
        aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=out))
        try:
            yield aside
        finally:
            shutil.rmtree(aside)


def _name(out: Path) -> str:
    return out.resolve().name or "photos"


def _samples(
    found: Found, size: int | None, packed: Packed, bar: Bar, stop: StopRequest
) -> Iterator[dict[str, str | bytes]]:
    """Photographs as webdataset writes them: their parts by extension, and `__key__`."""
    packed.failed += found.left_out
    for line in found.left_out:
        bar.say(f"left out: {line}")
    for done, item in enumerate(found.items, 1):
        if stop.signum is not None:
            raise Stopped("stopped; nothing was packed", stop.signum)
        bar.show(done, "")
        try:
            _check_name(item.place)
            files = _sized(item.read(), size, item.place)
        except (Error, OSError) as error:
            packed.failed.append(str(error))
            bar.say(f"left out: {error}")
            continue
        packed.photographs += 1
        yield {"__key__": item.key, **_described(item, found.classes), **files}


def _check_name(place: str) -> None:
    """See that a name can be in a shard.

    Raises:
        Error: it is not UTF-8, as a disk may have it.
    """
    try:
        place.encode()
    except UnicodeEncodeError:
        raise Error(f"{one_line(place)}: its name is not UTF-8, as names in shards are; rename it") from None


def _described(item: Item, classes: Mapping[str, int]) -> Files:
    """What is told of a photograph: where it was and, as torchvision's `ImageFolder` numbers it, its class."""
    facts = {"path": item.place}
    if not classes:
        return {"json": json.dumps(facts, ensure_ascii=False).encode()}
    facts["class"] = class_of(item)
    return {"json": json.dumps(facts, ensure_ascii=False).encode(), "cls": str(classes[class_of(item)]).encode()}


def _sized(files: Files, size: int | None, place: str) -> Files:
    """A sample's files with the pictures among them made smaller, where their shorter side is longer than `size`.

    Raises:
        Error: one cannot be decoded, or the two of a pair differ in size.
    """
    if size is None:
        return files
    images = {
        name: uint8_to_pil(decode(files[name], place)) for name in (*PICTURES, *DEGRADED_PICTURES) if name in files
    }
    if len({image.size for image in images.values()}) > 1:
        sizes = " and ".join(f"{image.width} x {image.height}" for image in images.values())
        raise Error(f"{place}: {sizes}; --size takes pairs of one size only: leave it out")
    made = {name: _picture(image, size, name) for name, image in images.items() if min(image.size) > size}
    return files | made


def _picture(image: Image.Image, size: int, name: str) -> bytes:
    """A picture with its shorter side made `size`, as a file in the format of an extension."""
    factor = size / min(image.size)
    smaller = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    kind = FORMATS[f".{name.removeprefix(DEGRADED)}"]
    encoded = io.BytesIO()
    smaller.save(encoded, kind, **SAVE_OPTIONS.get(kind, {}))
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
