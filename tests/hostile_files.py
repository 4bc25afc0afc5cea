"""Safetensors files as an enemy would write them, byte by byte, and what must become of whatever reads them."""

import json
import struct
from pathlib import Path

import pytest

from i2sbkit.kernel.errors import Error


def raw(path: Path, header: object, body: bytes = b"", length: int | None = None) -> Path:
    """A file with this header, a value or its bytes, and a length of it that may be a lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return path


def entry(dtype: object = "F32", shape: object = (1,), place: object = (0, 4)) -> dict:
    """A tensor as a header describes it."""
    return {"dtype": dtype, "shape": shape, "data_offsets": place}


def parts_of(weights: Path) -> tuple[dict, bytes]:
    """A file's header and the bytes behind it."""
    content = weights.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_our_header(path: Path, weights: Path, change) -> Path:
    """A copy of weights whose own header was changed: `change` is given it, and may return another, or a text."""
    header, body = parts_of(weights)
    own = json.loads(header["__metadata__"]["i2sbkit"])
    changed = change(own)
    own = own if changed is None else changed
    header["__metadata__"]["i2sbkit"] = own if isinstance(own, str) else json.dumps(own)
    return raw(path, header, body)


def refusal(read, path: Path, *more) -> str:
    """What a reader says of a file: an Error of one line that can be shown, is not long and begins with the file."""
    with pytest.raises(Error) as caught:
        read(path, *more)
    told = str(caught.value)
    assert told.startswith(f"{path}: ")
    assert told.isprintable()
    assert len(told) < 1500 + len(str(path))
    return told
