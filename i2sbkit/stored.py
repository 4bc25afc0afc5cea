"""What a safetensors file says of its tensors, seen to before one of them is read.

The format (github.com/huggingface/safetensors, "Format"): 8 bytes, the length of the header, little-endian; the header,
JSON of each tensor's type, shape and place, with texts under "__metadata__"; then the numbers, tensor after tensor.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .kernel.errors import Error
from .plain import plain_json, short

LARGEST = 16 * 2**20
"""Bytes of a header that is read; one of a thousand tensors has about 100,000."""
MOST_DIMENSIONS = 64
BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
"""Of a number, by its type; the packed types of less than 8 bits are not read."""


@dataclass(frozen=True)
class Stored:
    """A tensor as a header describes it: its type as safetensors names it, its shape, its place behind the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Contents:
    """What is in a file: texts by name, and tensors."""

    texts: Mapping[str, str]
    tensors: Mapping[str, Stored]


def read_contents(path: Path) -> Contents:
    """The header of a file, every number in it seen to: the tensors fill the rest of the file without hole or overlap.

    Raises:
        Error: it cannot be read, or is no such header.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise ValueError("shorter than its header")
            if length > LARGEST:
                raise ValueError(f"a header of {length} bytes, and more than {LARGEST} are not read")
            header = plain_json(file.read(length).decode("utf-8"))
        if not isinstance(header, dict):
            raise ValueError("its header is no table")
        texts = header.pop("__metadata__", {})
        if not (isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values())):
            raise ValueError("its metadata are no texts")
        tensors = {name: _stored(name, given) for name, given in header.items()}
        _check_places(tensors, size - 8 - length)
    except (ValueError, OSError) as error:
        raise not_readable(path, error) from None
    return Contents(texts, tensors)


def not_readable(path: Path, error: BaseException) -> Error:
    """What to say of a file in which this went wrong."""
    return Error(f"{path}: not a readable safetensors file ({short(error)}); take another copy of it")


def _stored(name: str, given: object) -> Stored:
    """A tensor's description.

    Raises:
        ValueError: it is none, or its place is not as large as its type and shape.
    """
    if not (isinstance(given, dict) and given.keys() == {"dtype", "shape", "data_offsets"}):
        raise ValueError(f"{name!r} is not described by dtype, shape and data_offsets")
    dtype, shape, place = given["dtype"], given["shape"], given["data_offsets"]
    if not (isinstance(dtype, str) and dtype in BYTES):
        raise ValueError(f"{name!r} has numbers of the kind {dtype!r}, which is not read here")
    if not (_sizes(shape) and len(shape) <= MOST_DIMENSIONS):
        raise ValueError(f"{name!r} has no shape")
    if not (_sizes(place) and len(place) == 2):
        raise ValueError(f"{name!r} has no place")
    if place[1] - place[0] != math.prod(shape) * BYTES[dtype]:
        raise ValueError(f"{name!r} is not as large as its shape says")
    return Stored(dtype, tuple(shape), *place)


def _sizes(values: object) -> bool:
    """Whether these are whole numbers that a size can be, in 63 bits."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 1 << 63 for value in values)


def _check_places(tensors: Mapping[str, Stored], size: int) -> None:
    """See that tensors fill `size` bytes, each beginning where another ends.

    Raises:
        ValueError: they do not.
    """
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda each: (each[1].begin, each[1].end)):
        if tensor.begin != end:
            raise ValueError(f"{name!r} does not begin where the tensor before it ends")
        end = tensor.end
    if end != size:
        raise ValueError(f"it holds {size} bytes of numbers, its header says {end}")
