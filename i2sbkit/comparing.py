"""Metrics between two folders of pictures, matched by their place and stem."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from .batch.finding import pictures_in
from .kernel.errors import Error
from .metrics import psnr, ssim
from .pictures.files import read_picture
from .printable import one_line


@dataclass(frozen=True)
class Comparison:
    """One result against its reference; the PSNR of equal pictures is inf."""

    name: str
    psnr_rgb: float
    ssim_rgb: float


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
        raise Error(f"{first} ({len(missing)} of {len(found)} are missing)")
    return [(name, found[name], wanted[name]) for name in sorted(found)]


def means(comparisons: list[Comparison]) -> dict[str, Any]:
    """The mean of each metric and the number of pictures."""
    count = len(comparisons)
    return {
        "pictures": count,
        "psnr_rgb": sum(c.psnr_rgb for c in comparisons) / count,
        "ssim_rgb": sum(c.ssim_rgb for c in comparisons) / count,
    }


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


def compare_files(name: str, result: Path, reference: Path) -> Comparison:
    """One file against another.

    Raises:
        Error: see `read_both`; or they are too small.
    """
    a, b = read_both(result, reference)
    if min(a.shape[1:]) < 11:
        raise Error(f"{one_line(result)}: too small to compare; SSIM needs 11 pixels a side")
    return Comparison(name, psnr(a, b), ssim(a, b))


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
