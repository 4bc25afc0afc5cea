"""The bytes of a JPEG file, and the samples that they hold, those beyond the borders of its picture as well."""

import io
import re
import struct
from collections.abc import Iterator

import torch
from PIL import JpegImagePlugin
from torch import Tensor

MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""What begins a segment: entropy-coded data has only stuffed zeros and restart markers (T.81 B.1.1)."""
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SCAN, END = 0xDA, 0xD9
LARGEST = 65500
"""The longest side that libjpeg decodes."""


def uncut(file: bytes, rows: int, columns: int, without_first: bool = False) -> bytes:
    """A copy of a JPEG file with the next multiples of `rows` and `columns` for its height and width.

    A file holds whole blocks, and its header only says where to cut them: of the copy they come out whole. As long as
    no scan has another number of blocks then, nothing else changes. A scan of several components has so many MCUs as
    cover the picture; one of a single component, as in progressive files, just the blocks that have visible samples
    (T.81 A.2). So 8 pixels are right for the component that has a sample for each. For one that has a sample
    for 16, take 16 and drop the scans of the first component alone (`without_first`), which would have too few.
    """
    parts, first = [], -1
    for code, at, part in _segments(file):
        if code in FRAMES:
            height, width, first = struct.unpack_from(">HHxB", part, at + 5)
            sides = [min(-(-side // unit) * unit, LARGEST) for side, unit in ((height, rows), (width, columns))]
            part = part[: at + 5] + struct.pack(">HH", *sides) + part[at + 9 :]
        if not (without_first and code == SCAN and part[at + 4] == 1 and part[at + 5] == first):
            parts.append(part)
    return b"".join(parts)


def decoded(file: bytes, mode: str, smaller: int = 1) -> Tensor:
    """The samples (C, h, w) of a JPEG file, 0 in the middle of their range.

    Args:
        mode: "L" or "YCbCr".
        smaller: by how much libjpeg's inverse transform is to shrink the picture: 1, 2, 4 or 8.
    """
    # Not by Image.open: its limit of pixels is for the file as it came.
    with JpegImagePlugin.JpegImageFile(io.BytesIO(file)) as picture:
        width, height = (max(side // smaller, 1) for side in picture.size)
        picture.draft(mode, (width, height))
        raw = bytearray(picture.tobytes())
        width, height = picture.size
    levels = torch.frombuffer(raw, dtype=torch.uint8).view(height, width, -1)
    return levels.permute(2, 0, 1).float() - 128


def _segments(file: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(marker, where it stands in the part, part) of a file's parts in order; a scan's has its entropy-coded data."""
    start, end = 0, 2
    while (found := MARKER.search(file, end)) and found[1][0] != END:
        end = found.end() + int.from_bytes(file[found.end() : found.end() + 2])
        if found[1][0] == SCAN:
            after = MARKER.search(file, end)
            end = after.start() if after else len(file)
        yield found[1][0], found.start() - start, file[start:end]
        start = end
    yield END, 0, file[start:]
