"""Rebuild the photograph shards that the bundled models are made with, from Debian's packages.

    python scripts/fetch_photos.py OUT [--mirror URL] [--keyring FILE] [--keep]

writes OUT/photos-000000.tar and on, and OUT/SOURCES.csv: the photographs of scripts/photo_sources.csv, in its order.
Needs apt-get and dpkg-deb, no root. Packages are downloaded one at a time below OUT/.fetching, 1.6 GB at most with what
they unpack to, and deleted after use; --keep keeps them. Where a version is gone from its suite the current one is
taken, and said. The same command again goes on. Then:

    python scripts/split_photos.py OUT runs/photos
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from photo_sources import Source, read_sources, write_sources
from PIL import Image
from private_apt import KEYRING, PrivateApt, system_mirror, unpack

from i2sbkit.files import atomic, sweep
from i2sbkit.kernel.errors import Error

SHARD = "photos-*.tar"
SHARDS = 10
SHORTER = 576
FIRST_STEP = (0.8, 1024)
"""A photograph is first made so many times as large, and at most so many pixels on the shorter side."""


@dataclass(frozen=True)
class Work:
    """The folder in which photographs gather until the shards are written."""

    folder: Path

    def photograph(self, key: str) -> Path:
        """Where a finished photograph lies; what is known of it lies beside it as JSON."""
        return self.folder / "photographs" / f"{key}.jpg"

    def finished(self, key: str) -> Source | None:
        """What is known of a photograph that is finished."""
        path = self.photograph(key).with_suffix(".json")
        return Source(**json.loads(path.read_text("utf-8"))) if path.is_file() else None

    def finish(self, source: Source, encoded: bytes) -> None:
        """Keep a photograph."""
        for suffix, data in ((".jpg", encoded), (".json", json.dumps(asdict(source)).encode())):
            with atomic(self.photograph(source.key).with_suffix(suffix)) as temporary:
                temporary.write_bytes(data)


def fetch(out: Path, sources: Mapping[str, Source], mirror: str, keyring: Path | None, keep: bool = False) -> int:
    """Make the shards; returns how many photographs are missing.

    Raises:
        Error: no apt, no network, no room on the disk, or no photograph at all.
    """
    if is_whole(out, sources):
        print(f"{out}: has all {len(sources)} photographs already")
        return 0
    work = Work(out.absolute() / ".fetching")
    wanted: dict[tuple[str, str, str], list[Source]] = {}
    for key, source in sources.items():
        if work.finished(key) is None:
            wanted.setdefault((source.package, source.suite, source.version), []).append(source)
    if wanted:
        sweep(work.folder / "photographs")
        apt = PrivateApt(work.folder / "apt", mirror, sorted({source.suite for source in sources.values()}), keyring)
        apt.update()
        for group in wanted.values():
            convert_package(apt, group, work, keep)
    found = [known for key in sources if (known := work.finished(key))]
    if not found:
        raise Error(f"{mirror}: has none of the packages; --mirror URL takes another archive")
    write_shards(out, found, work)
    missing = len(sources) - len(found)
    if not missing and not keep:
        shutil.rmtree(work.folder)
    print(f"{out}: {len(found)} photographs, {missing} missing")
    return missing


def is_whole(out: Path, sources: Mapping[str, Source]) -> bool:
    """Whether the shards of all these photographs are there."""
    path = out / "SOURCES.csv"
    return path.is_file() and read_sources(path).keys() == sources.keys() and len(list(out.glob(SHARD))) == SHARDS


def convert_package(apt: PrivateApt, group: Sequence[Source], work: Work, keep: bool) -> None:
    """Download the package of some photographs, unpack it and convert them.

    Raises:
        Error: it cannot be downloaded or unpacked, or there is no room for it.
    """
    name, suite, pinned = group[0].package, group[0].suite, group[0].version
    version = current(apt.versions(name), suite, pinned)
    if version is None:
        print(f"{name} is gone from {', '.join(apt.suites)}: {len(group)} photographs are missing")
        return
    if version != pinned:
        print(f"{name} {pinned} is gone: {version} taken, whose photographs may differ")
    package = apt.package(name, version)
    need_room(work.folder, package.size + package.unpacked)
    print(f"{name} {version}: {package.size / 1e6:.1f} MB", flush=True)
    archive = apt.download(package, work.folder / "packages")
    folder = work.folder / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    unpack(archive, folder)
    for source in group:
        convert(folder / source.original, replace(source, version=version), work)
    shutil.rmtree(folder)
    if not keep:
        archive.unlink()


def current(versions: Sequence[tuple[str, str]], suite: str, pinned: str) -> str | None:
    """The pinned version wherever it is, else the newest of the suite, else the newest of another one."""
    wanted = (lambda version, _: version == pinned, lambda _, where: where == suite, lambda *_: True)
    return next((version for fits in wanted for version, where in versions if fits(version, where)), None)


def need_room(folder: Path, size: int) -> None:
    """See that so many bytes are free where a folder is.

    Raises:
        Error: they are not.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise Error(f"{folder}: {size / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB free; make room, run it again")


def convert(path: Path, source: Source, work: Work) -> None:
    """Keep a photograph of an unpacked package as it goes into the shards; say where it is not there or damaged."""
    if not path.is_file():
        print(f"{source.key}: not in {source.package} {source.version}: missing")
        return
    try:
        encoded = prepared(path)
    except (OSError, SyntaxError, ValueError) as error:
        print(f"{source.key}: not a readable picture ({error}): missing")
        return
    work.finish(source, encoded)


def prepared(path: Path) -> bytes:
    """A picture as JPEG, quality 95, full chroma, its shorter side 576.

    In two steps of Lanczos, as the photographs were first kept as PNGs of the size of the first. Alpha, colour
    profiles, comments and a turn in the EXIF data are left out.
    """
    with Image.open(path) as file:
        image = file.convert("RGB")
    factor, most = FIRST_STEP
    image = shrink(shrink(image, min(round(min(image.size) * factor), most)), SHORTER)
    image.info.clear()  # Pillow would write the comment of the original into the file
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=95, subsampling="4:4:4", optimize=True)
    return encoded.getvalue()


def shrink(image: Image.Image, shorter: int) -> Image.Image:
    """Lanczos to a shorter side, the longer one to the nearest pixel."""
    short = min(image.size)
    width, height = (round(side * shorter / short) for side in image.size)
    return image if short == shorter else image.resize((width, height), Image.Resampling.LANCZOS)


def write_shards(out: Path, found: Sequence[Source], work: Work) -> None:
    """Write the shards, of nearly equal lengths, and last SOURCES.csv, which says that they are whole."""
    length, longer = divmod(len(found), SHARDS)
    rest = iter(found)
    for number in range(SHARDS):
        with atomic(out / f"photos-{number:06d}.tar") as temporary, tarfile.open(temporary, "w") as tar:
            for source in islice(rest, length + (number < longer)):
                facts = {key: value for key, value in asdict(source).items() if key != "file"}
                add(tar, f"{source.key}.jpg", work.photograph(source.key).read_bytes())
                add(tar, f"{source.key}.json", json.dumps(facts).encode())
    with atomic(out / "SOURCES.csv") as temporary:
        write_sources(temporary, found)


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Append a file; owner, mode and time are always the same."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a folder for the shards; it may be new")
    parser.add_argument("--mirror", metavar="URL", help="a Debian archive [default: that of this machine's apt]")
    parser.add_argument("--keyring", type=Path, default=KEYRING, metavar="FILE", help="[default: %(default)s]")
    parser.add_argument("--keep", action="store_true", help="keep the packages below OUT/.fetching")
    given = parser.parse_args()
    try:
        missing = fetch(given.out, read_sources(), given.mirror or system_mirror(), given.keyring, given.keep)
    except (Error, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(1 if missing else 0)
