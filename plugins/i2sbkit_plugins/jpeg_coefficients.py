"""The quantised DCT coefficients that a JPEG file holds, as they are in it (ITU-T T.81)."""

from __future__ import annotations

import io
import re
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, product

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import i2sbkit

from .jpeg_file import FRAMES, HUFFMAN, INTERVAL, QUANTISERS, SCAN, segments
from .jpeg_scans import ZIGZAG, Bits, Lookup, Part, Scan, huffman_tables

RESTART = re.compile(rb"\xff[\xd0-\xd7]")
SEQUENTIAL, PROGRESSIVE = (0xC0, 0xC1), 0xC2
"""Frames of Huffman codes: baseline and extended; and progressive."""
ALL_BITS = 16


@dataclass(eq=False)
class Component:
    """A component of the picture.

    Attributes:
        name: its identifier.
        down, across: how many blocks of it an MCU has, one below and beside the other (V and H).
        rows, columns: its blocks that have a visible sample.
        height, stride: its blocks in a column and in a row of MCUs.
        table: the number of its quantiser.
        levels: the quantised coefficients of its blocks, 64 each, row by row; empty until its first scan begins.
        steps: the quantiser's, 64; empty until then too.
        unread: by coefficient, in the order of the file, how many of the lowest bits are not there yet.
    """

    name: int
    down: int
    across: int
    rows: int
    columns: int
    height: int
    stride: int
    table: int
    levels: array[int] = field(default_factory=lambda: array("h"))
    steps: Sequence[int] = ()
    unread: list[int] = field(default_factory=lambda: [ALL_BITS] * 64)

    @property
    def decoded(self) -> tuple[Tensor, Tensor]:
        """The coefficients (rows, columns, 8, 8) in float32, and the steps of their quantiser (8, 8)."""
        levels = torch.from_numpy(np.frombuffer(self.levels, dtype=np.int16).copy())
        steps = torch.tensor(self.steps, dtype=torch.float32).view(8, 8)
        return levels.view(self.height, self.stride, 8, 8)[: self.rows, : self.columns] * steps, steps

    def begin(self, scan: Scan, quantisers: Mapping[int, Sequence[int]]) -> None:
        """See that a scan goes on where those before ended (T.81 G.1.1.1.1), so that no bit is read twice or passed.

        Raises:
            ValueError, KeyError: it does not, or there is no quantiser.
        """
        if not self.steps:
            self.steps = quantisers[self.table]
            self.levels = array("h", bytes(2 * 64 * self.height * self.stride))
        for place in range(scan.first, scan.last + 1):
            if self.unread[place] != (scan.high or ALL_BITS):
                raise ValueError("a scan out of turn")
            self.unread[place] = scan.low


def read_components(file: bytes) -> list[Component]:
    """The components of a file's picture, in their order.

    Raises:
        NotLinear: it is damaged, or of another coding than Huffman's with 8 bits, or ends before the last bits.
    """
    tables, frame = _Tables(), None
    try:
        for code, said, data in segments(file):
            if code in FRAMES and frame:
                raise ValueError("another picture")
            if code in FRAMES:
                frame = _Frame.of(code, said)
            elif code == SCAN and frame:
                frame.read(said, data, tables)
            else:
                tables.read(code, said)
        if not frame or any(any(component.unread) for component in frame.components):
            raise ValueError("it ends early")
    except (ValueError, LookupError, OverflowError, struct.error):
        raise i2sbkit.NotLinear(
            "the file's coefficients cannot be read (damaged, or coded in a rare way); leave out the consistency"
        ) from None
    return frame.components


@dataclass
class _Tables:
    """What holds for the scans that follow.

    Attributes:
        huffman: by class and number.
        quantisers: the steps by number, row by row.
        interval: MCUs between restart markers; 0 for none.
    """

    huffman: dict[int, Lookup] = field(default_factory=dict)
    quantisers: dict[int, Sequence[int]] = field(default_factory=dict)
    interval: int = 0

    def read(self, code: int, said: bytes) -> None:
        """A segment, if it is of tables (T.81 B.2.4)."""
        if code == HUFFMAN:
            self.huffman.update(huffman_tables(said))
        elif code == QUANTISERS:
            self.quantisers.update(_quantisers(said))
        elif code == INTERVAL:
            (self.interval,) = struct.unpack(">H", said)

    def lookup(self, number: int) -> Lookup:
        """A table by class and number; empty where there is none, which a scan need not have."""
        return self.huffman.get(number) or _usual_tables().get(number, ())


@cache
def _usual_tables() -> Mapping[int, Lookup]:
    """Those that libjpeg writes (T.81 K.3), and takes for frames of films, which come without any."""
    file, tables = io.BytesIO(), _Tables()
    Image.new("RGB", (1, 1)).save(file, "JPEG")
    for code, said, _ in segments(file.getvalue()):
        tables.read(code, said)
    return tables.huffman


@dataclass
class _Frame:
    """A picture's components, and how many MCUs it is high and wide."""

    components: list[Component]
    down: int
    across: int
    progressive: bool

    @classmethod
    def of(cls, code: int, said: bytes) -> _Frame:
        """From a frame header (T.81 B.2.2, A.1.1, A.2.4)."""
        precision, height, width, count = struct.unpack_from(">BHHB", said)
        described = [(said[at], *divmod(said[at + 1], 16), said[at + 2]) for at in range(6, 6 + 3 * count, 3)]
        if code not in (*SEQUENTIAL, PROGRESSIVE) or precision != 8:
            raise ValueError("another coding")
        if not all([height, width, *(side for _, *sides, _ in described for side in sides)]):
            raise ValueError("nothing in it")
        wide, high = (8 * max(each[axis] for each in described) for axis in (1, 2))
        mcus_down, mcus_across = -(-height // high), -(-width // wide)
        components = []
        for name, across, down, table in described:
            visible = -(-height * down // high), -(-width * across // wide)
            components.append(Component(name, down, across, *visible, mcus_down * down, mcus_across * across, table))
        return cls(components, mcus_down, mcus_across, code == PROGRESSIVE)

    def read(self, said: bytes, data: bytes, tables: _Tables) -> None:
        """A scan: its header (T.81 B.2.3), and its data between restart markers (E.2.4)."""
        count = said[0]
        # Cameras write what they like there in sequential files, where it has no use.
        first, last, bits = said[2 * count + 1 :] if self.progressive else (0, 63, 0)
        scan, parts, left = Scan(first, last, *divmod(bits, 16)), [], list(self.components)
        for at in range(1, 2 * count + 1, 2):
            component = left.pop([each.name for each in left].index(said[at]))  # names may come twice
            component.begin(scan, tables.quantisers)
            dc, ac = divmod(said[at + 1], 16)
            parts.append((component, Part(component.levels, tables.lookup(dc), tables.lookup(16 + ac))))
        mcus = self._mcus(parts)
        for piece in RESTART.split(data) if tables.interval else [data]:
            scan.restart(part for _, part in parts)
            found = Bits(piece)
            for mcu in islice(mcus, tables.interval or None):
                for part, at in mcu:
                    scan.read(found, part, at)
            if found.overdrawn:
                raise ValueError("an interval ends early")
        if next(mcus, None):
            raise ValueError("it ends early")

    def _mcus(self, parts: Sequence[tuple[Component, Part]]) -> Iterator[Sequence[tuple[Part, int]]]:
        """Where the blocks of each MCU have their coefficients (T.81 A.2.2, A.2.3)."""
        if len(parts) == 1:
            ((component, part),) = parts
            for row, column in product(range(component.rows), range(component.columns)):
                yield [(part, 64 * (row * component.stride + column))]
            return
        blocks = [
            (part, component, row, column)
            for component, part in parts
            for row, column in product(range(component.down), range(component.across))
        ]
        for y, x in product(range(self.down), range(self.across)):
            yield [
                (part, 64 * ((y * each.down + row) * each.stride + x * each.across + column))
                for part, each, row, column in blocks
            ]


def _quantisers(said: bytes) -> dict[int, Sequence[int]]:
    """The steps of a DQT segment's tables, row by row (T.81 B.2.4.1)."""
    found: dict[int, Sequence[int]] = {}
    while said:
        wide, number = divmod(said[0], 16)
        in_order = struct.unpack_from(">64H" if wide else ">64B", said, 1)
        steps = [0] * 64
        for place, step in zip(ZIGZAG, in_order, strict=True):
            steps[place] = step
        found[number], said = steps, said[1 + (128 if wide else 64) :]
    return found
