"""Two folders of pictures to be measured against each other, matched by their place and stem."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from .kernel.errors import Error
from .metrics import Scorer
from .pictures.files import read_picture
from .pictures.finding import pictures_in
from .printable import one_line


def matched(results: Path, references: Path) -> list[tuple[str, Path, Path]]:
    """Each result by its name, with the reference of the same relative path and stem; two files are taken as they are.

    Raises:
        Error: a result without a reference, or two files of one stem.
    """
    found, wanted = by_stem(results), by_stem(references)
    if results.is_file() and references.is_file():
        wanted = {next(iter(found)): references}
    missing = sorted(found.keys() - wanted.keys())
    if missing:
        first = f"{one_line(references)}: no reference for {one_line(found[missing[0]])}"
        way = "move away what is no result, as strips and spreads that restore wrote, or compare file by file"
        raise Error(f"{first} ({len(missing)} of {len(found)} are missing); {way}")
    return [(name, found[name], wanted[name]) for name in sorted(found)]


def by_stem(path: Path) -> dict[str, Path]:
    """The pictures of a folder by their relative paths, or a file by its name, without suffixes.

    Raises:
        Error: no picture, or two of one stem.
    """
    found: dict[str, Path] = {}
    for file in pictures_in(path):
        name = (file.relative_to(path) if path.is_dir() else Path(file.name)).with_suffix("").as_posix()
        if name in found:
            raise Error(
                f"{one_line(found[name])} and {one_line(file)} have one stem: which is meant? "
                "Move one of them away, or compare file by file"
            )
        found[name] = file
    return found


def read_measurable(result: Path, reference: Path, scorer: Scorer) -> tuple[Tensor, Tensor]:
    """The colours of two files that a scorer can measure against each other, (3, H, W) each.

    Raises:
        Error: see `read_both`; or they are too small for a column.
    """
    a, b = read_both(result, reference)
    try:
        scorer.check(*a.shape[1:])
    except Error as error:
        raise Error(f"{one_line(result)}: {error}") from None
    return a, b


def read_both(result: Path, reference: Path) -> tuple[Tensor, Tensor]:
    """The colours of two files, (3, H, W) each.

    Raises:
        Error: one cannot be read, or their sizes differ.
    """
    a, b = read_picture(result).image, read_picture(reference).image
    if a.shape != b.shape:
        sizes = " and ".join(f"{image.shape[2]}x{image.shape[1]}" for image in (a, b))
        raise Error(f"{one_line(result)} and {one_line(reference)} differ in size: {sizes}")
    return a, b
