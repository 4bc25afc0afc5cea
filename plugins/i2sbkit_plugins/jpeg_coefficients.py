"""The quantised DCT coefficients that a JPEG file holds, as they are in it (ITU-T T.81)."""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

import numpy as np
import torch
from torch import Tensor

import i2sbkit

from .jpeg_file import FRAMES, HUFFMAN, INTERVAL, QUANTISERS, SCAN, segments
from .jpeg_scans import ZIGZAG, Bits, Lookup, Part, Scan, huffman_tables

RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
HUFFMAN_CODED = {0xC0, 0xC1, 0xC2}
"""Frames: baseline, extended sequential, progressive."""
ALL_BITS = 16


@dataclass
class Component:
    """A component of the picture.

    Attributes:
        down, across: how many blocks of it an MCU has, one below and beside the other (V and H).
        rows, columns: its blocks that have a visible sample.
        stride: its blocks in a row of MCUs.
        table: the number of its quantiser.
        levels: the quantised coefficients of its blocks, 64 each, row by row.
        steps: the quantiser's, 64; empty until its first scan begins.
        unread: by coefficient, in the order of the file, how many of the lowest bits are not there yet.
    """

    down: int
    across: int
    rows: int
    columns: int
    stride: int
    table: int
    levels: array[int]
    steps: Sequence[int] = ()
    unread: list[int] = field(default_factory=lambda: [ALL_BITS] * 64)

    @property
    def decoded(self) -> tuple[Tensor, Tensor]:
        """The coefficients (rows, columns, 8, 8) in float32, and the steps of their quantiser (8, 8)."""
        levels = torch.from_numpy(np.frombuffer(self.levels, dtype=np.int16).copy())
        steps = torch.tensor(self.steps, dtype=torch.float32).view(8, 8)
        return levels.view(-1, self.stride, 8, 8)[: self.rows, : self.columns] * steps, steps


def read_components(file: bytes) -> list[Component]:
    """The components of a file's picture, in their order.

    Raises:
        NotLinear: it is damaged, or of another coding than Huffman's with 8 bits, or ends before the last bits.
    """
    tables, frame = _Tables(), None
    try:
        for code, said, data in segments(file):
            if code in FRAMES and not frame:
                frame = _Frame.of(code, said)
            elif code == SCAN and frame:
                frame.read(said, data, tables)
            else:
                tables.read(code, said)
        components = list(frame.components.values()) if frame else []
        if not components or any(any(component.unread) for component in components):
            raise ValueError("it ends early")
    except (ValueError, LookupError, ArithmeticError, StopIteration, struct.error):
        raise i2sbkit.NotLinear(
            "the file's coefficients cannot be read (damaged, or coded in a rare way); leave out the consistency"
        ) from None
    return components


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


@dataclass
class _Frame:
    """A picture's components by their identifiers, and how many MCUs it is high and wide."""

    components: Mapping[int, Component]
    down: int
    across: int

    @classmethod
    def of(cls, code: int, said: bytes) -> _Frame:
        """From a frame header (T.81 B.2.2, A.1.1, A.2.4)."""
        precision, height, width, count = struct.unpack_from(">BHHB", said)
        described = [(said[at], *divmod(said[at + 1], 16), said[at + 2]) for at in range(6, 6 + 3 * count, 3)]
        if code not in HUFFMAN_CODED or precision != 8:
            raise ValueError("another coding")
        if not all([height, width, *(side for _, *sides, _ in described for side in sides)]):
            raise ValueError("nothing in it")
        wide, high = (8 * max(each[axis] for each in described) for axis in (1, 2))
        mcus_down, mcus_across = -(-height // high), -(-width // wide)
        components = {}
        for name, across, down, table in described:
            rows, columns, stride = -(-height * down // high), -(-width * across // wide), mcus_across * across
            levels = array("h", bytes(2 * 64 * mcus_down * down * stride))
            components[name] = Component(down, across, rows, columns, stride, table, levels)
        return cls(components, mcus_down, mcus_across)

    def read(self, said: bytes, data: bytes, tables: _Tables) -> None:
        """A scan: its header (T.81 B.2.3), and its data between restart markers (E.2.4)."""
        count = said[0]
        names, numbers = said[1 : 2 * count : 2], said[2 : 2 * count + 1 : 2]
        first, last, bits = said[2 * count + 1 :]
        scan, parts = Scan(first, last, *divmod(bits, 16)), []
        for name, number in zip(names, numbers, strict=True):
            component, (dc, ac) = self.components[name], divmod(number, 16)
            component.steps = component.steps or tables.quantisers[component.table]
            component.unread[first : last + 1] = [scan.low] * (last + 1 - first)
            lookups = tables.huffman.get(dc, ()), tables.huffman.get(16 + ac, ())
            parts.append((component, Part(component.levels, *lookups)))
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
