"""Where the photographs are from: the rows of scripts/photo_sources.csv, in the order of the shards."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

SOURCES = Path(__file__).parent / "photo_sources.csv"


@dataclass(frozen=True)
class Source:
    """One photograph.

    Attributes:
        file: its name, `package__name.png`; `package-sid__name.png` where two suites bring different ones.
        package, suite, version: the Debian package that it is taken from.
        original: its path in the package.
        licence, author: of the photograph.
    """

    file: str
    package: str
    suite: str
    version: str
    original: str
    licence: str
    author: str

    @property
    def key(self) -> str:
        """Its key in the shards: the file without its ending, and without dots, where webdataset would end a key."""
        return self.file.rpartition(".")[0].replace(".", "_")


def read_sources(path: Path = SOURCES) -> dict[str, Source]:
    """key -> source, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        return {source.key: source for source in (Source(**row) for row in csv.DictReader(file))}


def write_sources(path: Path, sources: Iterable[Source]) -> None:
    """Write a file like scripts/photo_sources.csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Source)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(source) for source in sources)
