"""What is wrong with shards and folders of photographs, found by reading all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..kernel.errors import Error
from ..terminal import Bar
from .folders import scan_folder
from .shards import Sample, find, read_degraded, read_pixels
from .tars import INDEX, PICTURES, Part, Place, index_bytes, read_index, scan_tar, walk_tar


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; `key` is "" where it concerns a whole file."""

    path: str
    key: str
    what: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.path, self.key, self.what)))


@dataclass
class Report:
    """What a check went through (shards, or folders), and what it found."""

    shards: int = 0
    photographs: int = 0
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        found = len(self.problems)
        return f"{self.photographs} photographs, {found} problem{'' if found == 1 else 's'}"


def check(paths: Iterable[str | Path]) -> Report:
    """Read everything in shards and folders of pictures, and decode every photograph.

    Found are truncated and damaged tars, photographs that cannot be decoded, samples without one or with several,
    degraded pictures that do not fit their clean ones, keys and photographs that come twice, and indexes that do not
    fit their shards.

    Raises:
        Error: there is nothing under one of the paths.
    """
    places = find(paths)
    with Bar(len(places), 0, "shard") as bar:
        checker = _Checker(bar)
        for place in places:
            checker.check(place)
    return checker.report


class _Checker:
    """A check under way: its report, and where each key and each content (by its SHA-256) was seen first."""

    def __init__(self, bar: Bar) -> None:
        self.report = Report()
        self._bar = bar
        self._seen: dict[str | bytes, str] = {}

    def check(self, path: Place) -> None:
        """One shard, or one folder of pictures."""
        if isinstance(path, Path) and path.is_dir():
            for group in scan_folder(path):
                for key, parts in group.items():
                    self._check_sample(path, key, parts)
        else:
            for key, parts in self._samples(path):
                self._check_sample(path, key, parts)
            self._check_index(path)
        self.report.shards += 1
        self._bar.show(self.report.shards, str(self.report))

    def _samples(self, path: Place) -> Iterator[tuple[str, dict[str, Part]]]:
        """The samples of a shard as webdataset groups them: neighbours of one key. Of a damaged one, the readable."""
        last, parts = "", dict[str, Part]()
        try:
            for key, extension, part in walk_tar(path):
                if parts and (key != last or extension in parts):
                    yield last, parts
                    parts = {}
                last = key
                parts[extension] = part
        except Error as error:
            self._add(path, "", _what(error, path))
        if parts:
            yield last, parts

    def _check_sample(self, path: Place, key: str, parts: dict[str, Part]) -> None:
        if other := self._first(key, path, key):
            self._add(path, key, f"the key comes twice, first in {other}")
        pictures = [extension for extension in PICTURES if extension in parts]
        if not pictures:
            self._add(path, key, "no picture in the sample")
            return
        if len(pictures) > 1:
            self._add(path, key, f"several pictures in the sample ({', '.join(pictures)}); only the first is used")
        self.report.photographs += 1
        self.report.bytes += parts[pictures[0]].size
        self._check_picture(Sample(key, 0, parts), parts[pictures[0]])
        self._bar.show(self.report.shards, str(self.report))

    def _check_picture(self, sample: Sample, part: Part) -> None:
        try:
            digest = hashlib.sha256(part.read()).digest()
            shape = read_pixels(sample).shape
            if sample.degraded:
                self._check_pair(sample, part, shape, read_degraded(sample).shape)
        except Error as error:
            self._add(part.path, sample.key, _what(error, part.path, sample.key))
            return
        if other := self._first(digest, part.path, sample.key):
            self._add(part.path, sample.key, f"the same picture as {other}")

    def _check_pair(self, sample: Sample, part: Part, clean: Sequence[int], degraded: Sequence[int]) -> None:
        """The clean picture must be a whole number of times as large as the degraded one, both ways alike."""
        scale = clean[1] // degraded[1]
        if not scale or tuple(clean[1:]) != tuple(side * scale for side in degraded[1:]):
            sizes = [f"{columns} x {rows}" for _, rows, columns in (clean, degraded)]
            what = f"the clean picture is {sizes[0]}, the degraded {sizes[1]}, which goes into it no whole times"
            self._add(part.path, sample.key, what)

    def _check_index(self, path: Place) -> None:
        try:
            fits = index_bytes(path) is None or read_index(path) == scan_tar(path)
        except Error:
            return  # the tar's own problem, reported already
        if not fits:
            self._add(f"{path}{INDEX}", "", f"out of date: i2sbkit shards index {path} writes it anew")

    def _first(self, what: str | bytes, path: Place, key: str) -> str | None:
        """Where this was seen before, or None: then it is remembered."""
        if what in self._seen:
            return self._seen[what]
        self._seen[what] = f"{path}: {key}"
        return None

    def _add(self, path: Place | str, key: str, what: str) -> None:
        self.report.problems.append(Problem(str(path), key, what))


def _what(error: Error, *place: object) -> str:
    """An error's message without the place, which the problem has, and without the advice to check."""
    text = str(error)
    for part in place:
        text = text.removeprefix(f"{part}: ")
    return text.partition("; `i2sbkit shards check")[0].partition("; try `i2sbkit shards check")[0]
