"""What can be packed into shards: a folder of pictures, pairs of them, or the LMDB that the authors' code makes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ..images import FORMATS, uint8_to_pil
from ..kernel.errors import Error
from ..pictures.finding import pictures_in
from .folders import extension, folder_keys, match_pairs
from .name_lists import chosen
from .shards import decode
from .tars import DEGRADED

Files = dict[str, bytes]
"""The files of a sample by their extension."""
COMPANIONS = (".json", ".txt", ".npy")
"""What is packed with a picture where it lies beside it under the same name."""


@dataclass(frozen=True, slots=True)
class Item:
    """A photograph to pack.

    Attributes:
        key: what it is called in its shard.
        place: its path below what is packed.
        read: reads its files; raises `Error` or OSError.
    """

    key: str
    place: str
    read: Callable[[], Files]


@dataclass(frozen=True)
class Found:
    """What there is to pack.

    Attributes:
        left_out: what there is beside it, and why it cannot be packed; a line each.
        classes: the number of each class, where labels are wanted.
    """

    items: list[Item]
    left_out: list[str] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """How a folder is to be taken; as it is, a folder of pictures or an LMDB of them.

    Attributes:
        paired: it holds the clean pictures in `clean` and the degraded ones in `degraded`.
        degraded: where the degraded ones are, the folder itself holding the clean ones.
        side_by_side: each picture holds both, and this half is the degraded one.
        labels: the first folder of each path is its class, numbered in the order of their names.
        names: a list of those wanted.
    """

    paired: bool = False
    degraded: Path | None = None
    side_by_side: Literal["left", "right"] | None = None
    labels: bool = False
    names: Path | None = None

    @contextmanager
    def open(self, folder: Path) -> Iterator[Found]:
        """What there is to pack in a folder, to be read while this is open.

        Raises:
            Error: no such folder, nothing in it, it is not laid out so, or the list names what is not there.
        """
        pairs = self.paired or self.degraded is not None
        if not folder.is_dir():
            raise Error(f"{folder}: no such folder")
        if pairs and self.side_by_side:
            raise Error("--side-by-side finds both halves in one picture; leave out --paired and --degraded")
        if (folder / "data.mdb").is_file():
            if pairs or self.side_by_side:
                raise Error(f"{folder}: an LMDB holds no pairs; leave out --paired, --degraded and --side-by-side")
            with _lmdb_items(folder) as found:
                yield self._narrowed(folder, found)
        elif pairs:
            clean, degraded = (folder, self.degraded) if self.degraded else (folder / "clean", folder / "degraded")
            yield self._narrowed(folder, _pair_items(clean, degraded))
        else:
            yield self._narrowed(folder, _folder_items(folder, self.side_by_side))

    def _narrowed(self, folder: Path, found: Found) -> Found:
        """With classes where they are wanted, and without what is not named."""
        if self.labels:
            loose = next((item.place for item in found.items if "/" not in item.place), None)
            if loose:
                raise Error(f"{folder}/{loose}: in no class folder; --labels takes FOLDER/CLASS/PICTURE")
            names = sorted({class_of(item) for item in found.items})
            found = replace(found, classes={name: number for number, name in enumerate(names)})
        if self.names:
            numbers = chosen(self.names, [item.place for item in found.items])
            found = replace(found, items=[found.items[number] for number in numbers], left_out=[])
        return found


def class_of(item: Item) -> str:
    """The first folder of an item's path."""
    return item.place.partition("/")[0]


def _folder_items(folder: Path, side: Literal["left", "right"] | None) -> Found:
    """The pictures of a folder and those below it."""
    files = pictures_in(folder)
    read = partial(_read_halves, degraded=side) if side else _read_file
    keys = folder_keys(file.relative_to(folder) for file in files)
    return Found(
        [
            Item(key, file.relative_to(folder).as_posix(), partial(read, file))
            for key, file in zip(keys, files, strict=True)
        ]
    )


def _pair_items(clean: Path, degraded: Path) -> Found:
    """The pictures of two folders that belong together."""
    matched = match_pairs(clean, degraded)
    items = [
        Item(key, file.relative_to(clean).as_posix(), partial(_read_pair, file, other))
        for key, file, other in matched.pairs
    ]
    if not items:
        raise Error(f"{clean}, {degraded}: no picture of one has its name in the other; name those of a pair alike")
    return Found(items, matched.left_out)


def _read_file(file: Path) -> Files:
    files = {beside.suffix[1:]: beside.read_bytes() for beside in map(file.with_suffix, COMPANIONS) if beside.is_file()}
    return {**files, extension(file): file.read_bytes()}


def _read_pair(clean: Path, degraded: Path) -> Files:
    return {**_read_file(clean), DEGRADED + extension(degraded): degraded.read_bytes()}


def _read_halves(file: Path, degraded: Literal["left", "right"]) -> Files:
    """Both halves of a picture as PNG, which loses nothing."""
    files = _read_file(file)
    pixels = decode(files.pop(extension(file)), str(file))
    middle, odd = divmod(pixels.shape[2], 2)
    if odd:
        raise Error(f"{file}: {pixels.shape[2]} pixels wide, which makes no two halves")
    left, right = pixels[:, :, :middle], pixels[:, :, middle:]
    clean, other = (right, left) if degraded == "left" else (left, right)
    for name, half in (("png", clean), (DEGRADED + "png", other)):
        encoded = io.BytesIO()
        uint8_to_pil(half).save(encoded, "PNG")
        files[name] = encoded.getvalue()
    return files


@contextmanager
def _lmdb_items(folder: Path) -> Iterator[Found]:
    """The pictures in an LMDB of the authors' layout: the path of each file -> its bytes.

    Of the paths, the class folder and the name count. The pickle beside it (`*.lmdb.pt`) is not read.
    """
    try:
        import lmdb
    except ImportError:
        raise Error(f'{folder}: an LMDB, which needs: pip install "i2sbkit[lmdb]"') from None
    try:
        with lmdb.open(str(folder), readonly=True, lock=False, readahead=False) as base, base.begin() as transaction:
            yield _found_in_lmdb(folder, transaction)
    except lmdb.Error as error:
        raise Error(f"{folder}: not a readable LMDB ({error})") from None


def _found_in_lmdb(folder: Path, transaction: Any) -> Found:
    paths: dict[str, bytes] = {}
    left_out = []
    for key in transaction.cursor().iternext(keys=True, values=False):
        path = key.decode("utf-8", "replace")
        if PurePosixPath(path).suffix.lower() in FORMATS:
            paths[path] = key
        else:
            left_out.append(f"{folder}: {path}: no picture by its name")
    if not paths:
        raise Error(f"{folder}: no pictures in it; its keys should be the paths of files")
    places = ["/".join(path.split("/")[-2:]).lstrip("/") for path in paths]
    return Found(
        [
            Item(name, place, partial(_read_value, transaction, paths[path], extension(PurePosixPath(path))))
            for name, place, path in zip(folder_keys(map(PurePosixPath, places)), places, paths, strict=True)
        ],
        left_out,
    )


def _read_value(transaction: Any, key: bytes, suffix: str) -> Files:
    return {suffix: transaction.get(key)}
