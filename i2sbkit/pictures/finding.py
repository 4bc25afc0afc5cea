"""Which pictures there are: in files, folders and the folders below them, and under patterns."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from ..images import FORMATS
from ..kernel.errors import Error
from ..printable import one_line

MAGIC = frozenset("*?[")
"""What makes a name a pattern."""


def is_picture_name(path: Path) -> bool:
    """Whether a name ends like a picture's."""
    return path.suffix.lower() in FORMATS


def inside(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or lies in it, wherever links lead."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def find_pictures(given: Path, without: Path | None = None) -> list[tuple[Path, Path]]:
    """The pictures that a file, a folder or a pattern stands for, each with its place below it.

    A name that exists stands for itself, whatever signs it holds.

    Args:
        without: a folder whose pictures do not count.

    Raises:
        Error: as `pictures_in` and `matches`, or the pattern fits nothing.
    """
    if given.exists() or not MAGIC.intersection(str(given)):
        return [(source, _place(source, given)) for source in pictures_in(given, without)]
    fixed = _fixed_part(given)
    found: dict[Path, Path] = {}
    for match in matches(given):
        if match.is_dir() and match.is_symlink():  # it may lead in a circle
            continue
        for source in pictures_under(match) if match.is_dir() else [match]:
            place = source.relative_to(fixed)
            hidden = any(part.startswith(".") for part in place.parts)
            if (
                is_picture_name(source)
                and source.is_file()
                and not hidden
                and not (without and inside(source, without))
            ):
                found[source] = place
    if not found:
        raise Error(f"{one_line(given)}: no such picture; the pattern fits nothing that ends in {' '.join(FORMATS)}")
    return list(found.items())


def matches(pattern: Path) -> list[Path]:
    """What is there under a pattern, sorted.

    Raises:
        Error: it is none, as `**x`.
    """
    fixed = _fixed_part(pattern)
    try:
        return sorted(fixed.glob(str(pattern.relative_to(fixed))))
    except ValueError as error:
        raise Error(f"{one_line(pattern)}: not a pattern ({error})") from None


def _fixed_part(pattern: Path) -> Path:
    """The longest folder at its beginning that is no pattern itself."""
    return next(folder for folder in pattern.parents if not MAGIC.intersection(str(folder)))


def _place(source: Path, given: Path) -> Path:
    return source.relative_to(given) if given.is_dir() else Path(source.name)


def pictures_in(path: Path, without: Path | None = None) -> list[Path]:
    """A file itself, or the pictures in a folder and the folders below it, sorted.

    Hidden ones and those behind links to folders are passed over; so are, with a `UserWarning`, folders that may not
    be read.

    Args:
        without: a folder whose pictures do not count, where it lies below `path`.

    Raises:
        Error: there is no such file or folder, or no picture in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        there = "neither a file nor a folder" if path.exists() else "no such file or folder"
        raise Error(f"{one_line(path)}: {there}")
    found = pictures_under(path, without)
    if not found:
        shards = "; for its shards there are restore, degrade and evaluate" if any(path.glob("*.tar")) else ""
        raise Error(f"{one_line(path)}: no pictures in it (looked for {' '.join(FORMATS)}){shards}")
    return found


def pictures_under(path: Path, without: Path | None = None) -> list[Path]:
    """`pictures_in` of a folder, where there may be none."""
    found: list[Path] = []
    left_out = os.path.realpath(without) if without else None
    for folder, below, names in os.walk(path, onerror=_unreadable):
        below[:] = [
            name
            for name in below
            if not name.startswith(".") and os.path.realpath(os.path.join(folder, name)) != left_out  # noqa: PTH118
        ]
        files = [Path(folder, name) for name in names if not name.startswith(".")]
        found += [file for file in files if is_picture_name(file) and file.is_file()]
    return sorted(found)


def _unreadable(error: OSError) -> None:
    warnings.warn(f"{one_line(error.filename)}: cannot be read ({error.strerror}); passed over", stacklevel=2)
