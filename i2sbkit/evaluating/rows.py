"""The numbers of each picture, in a file of JSON lines and as CSV: written and read a line at a time."""

from __future__ import annotations

import csv
import heapq
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TextIO

from ..files import atomic
from ..kernel.errors import Error

Row = dict[str, Any]
"""number, key and arm; then seconds and the columns. None where a number is not finite or there is none."""
FIRST = ("number", "key", "arm", "seconds")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""


def row(number: int, key: str, arm: str, seconds: float | None, values: Mapping[str, float]) -> Row:
    """The numbers of one picture in one arm."""
    finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {"number": number, "key": key, "arm": arm, "seconds": seconds, **finite}


def append(file: TextIO, rows: Iterable[Row]) -> None:
    """Write rows to the end of a file."""
    for each in rows:
        file.write(json.dumps(each, ensure_ascii=True, allow_nan=False) + "\n")


def sync(file: TextIO) -> None:
    """See that all that was written is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def read(path: Path) -> Iterator[Row]:
    """The rows of a file, one at a time.

    Raises:
        Error: it cannot be read, or holds something else.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                found = json.loads(line)
                if not isinstance(found, dict) or not _is_row(found):
                    raise ValueError("no number, key and arm")
                yield found
    except (OSError, ValueError) as error:
        raise Error(f"{path}: not the numbers of an evaluation ({error}); give the --out of one") from None


def _is_row(found: Row) -> bool:
    texts = ("key", "arm")
    numbers = [value for name, value in found.items() if name not in texts]
    return (
        all(isinstance(found.get(name), str) for name in texts)
        and isinstance(found.get("number"), int)
        and all(value is None or isinstance(value, int | float) for value in numbers)
    )


def keep(path: Path, count: int) -> None:
    """Cut a file down to its first `count` rows; what a process that was killed wrote beyond is dropped.

    Raises:
        Error: it has fewer.
    """
    path.touch()
    with path.open("r+b") as file:
        sizes = [len(line) for line in islice(file, count) if line.endswith(b"\n")]
        if len(sizes) < count:
            sums = path.with_suffix(".safetensors")
            raise Error(
                f"{path}: {len(sizes)} of {count} lines are left; remove {sums.name}, and this part begins anew"
            )
        file.truncate(sum(sizes))


def last_number(path: Path) -> int:
    """The number of the picture whose rows are the last; -1 where there are none."""
    number = -1
    for each in read(path):
        number = each["number"]
    return number


def merged(parts: Sequence[Path]) -> Iterator[Row]:
    """The rows of several files, each in order of number, as one."""
    return heapq.merge(*(read(path) for path in parts), key=lambda each: each["number"])


def by_picture(rows: Iterable[Row]) -> Iterator[tuple[int, str, dict[str, Row]]]:
    """Each picture's number, key and rows by arm."""
    for (number, key), group in groupby(rows, key=lambda each: (each["number"], each["key"])):
        yield number, key, {each["arm"]: each for each in group}


def write_both(folder: Path, parts: Sequence[Path], columns: Sequence[str]) -> None:
    """`pictures.jsonl` and `pictures.csv` of all parts.

    In the latter a key that is no UTF-8 has escapes, and one that a spreadsheet could take for a formula begins with '.
    """
    with (
        atomic(folder / "pictures.jsonl") as lines,
        atomic(folder / "pictures.csv") as table,
        lines.open("w", encoding="utf-8") as file,
        table.open("w", encoding="utf-8", errors="backslashreplace", newline="") as csv_file,
    ):
        writer = csv.DictWriter(csv_file, [*FIRST, *columns], restval="")
        writer.writeheader()
        for each in merged(parts):
            append(file, [each])
            writer.writerow({**each, "key": "'" + each["key"] if each["key"].startswith(FORMULA) else each["key"]})
