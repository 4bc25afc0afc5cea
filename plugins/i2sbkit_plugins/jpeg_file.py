"""The segments of a JPEG file (ITU-T T.81 Annex B)."""

import re
from collections.abc import Iterator

MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""What begins a segment: entropy-coded data has only stuffed zeros and restart markers (T.81 B.1.1)."""
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
HUFFMAN, SCAN, END, QUANTISERS, INTERVAL = 0xC4, 0xDA, 0xD9, 0xDB, 0xDD


def segments(file: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(marker, parameters, entropy-coded data behind them) of a file's segments in order, up to the picture's end."""
    end = 2
    while (found := MARKER.search(file, end)) and found[1][0] != END:
        begin = found.end()
        end = begin + int.from_bytes(file[begin : begin + 2])
        following = MARKER.search(file, end)
        yield found[1][0], file[begin + 2 : end], file[end : following.start() if following else len(file)]
