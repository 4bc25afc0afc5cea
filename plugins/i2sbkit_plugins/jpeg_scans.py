"""The entropy-coded blocks of JPEG scans: Huffman, sequential and progressive (ITU-T T.81 Annexes F.2 and G.2)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

ZIGZAG = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]  # fmt: skip
"""Of the coefficients in the order of a file their places in a block, row by row (T.81 Fig. A.6)."""
LONGEST = 16
"""Bits of a code."""
WINDOW = 64
"""Bits that are fetched at once."""
NO_CODE = (LONGEST + WINDOW, 0)
"""More bits than are ever held."""

Lookup = Sequence[tuple[int, int]]
"""(length, symbol) of the code that the next `LONGEST` bits begin with."""


def huffman_tables(said: bytes) -> dict[int, Lookup]:
    """The tables of a DHT segment by class and number (T.81 B.2.4.2, C).

    Raises:
        ValueError: it is damaged.
    """
    tables: dict[int, Lookup] = {}
    while said:
        number, counts, said = said[0], said[1:17], said[17:]
        symbols, said = said[: sum(counts)], said[sum(counts) :]
        if number & ~0x13:
            raise ValueError("a class above 1 or a number above 3")
        lengths = [length for length, count in enumerate(counts, 1) for _ in range(count)]
        lookup: list[tuple[int, int]] = []
        for code in zip(lengths, symbols, strict=True):
            lookup += [code] * (1 << LONGEST - code[0])
        if len(lookup) > 1 << LONGEST:
            raise ValueError("more codes than there are")
        lookup += [NO_CODE] * ((1 << LONGEST) - len(lookup))
        tables[number] = lookup
    return tables


class Bits:
    """The bits of a restart interval; zeros behind them, a few.

    Raises:
        ValueError: there are no more, from every method that takes some.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._held, self._left = data.replace(b"\xff\x00", b"\xff"), 0, 0, 0

    def symbol(self, table: Lookup) -> int:
        """What the next code stands for (T.81 F.2.2.3)."""
        if self._left < LONGEST:
            self._fetch()
        length, symbol = table[self._held >> (self._left - LONGEST)]
        self._left -= length
        self._held &= (1 << self._left) - 1
        return symbol

    def take(self, count: int) -> int:
        """The next bits as a number."""
        if self._left < count:
            self._fetch()
        self._left -= count
        value = self._held >> self._left
        self._held &= (1 << self._left) - 1
        return value

    def signed(self, count: int) -> int:
        """The next bits as a number whose first bit says its sign (T.81 F.2.2.1, EXTEND)."""
        value = self.take(count)
        return value if not count or value >> (count - 1) else value - (1 << count) + 1

    @property
    def overdrawn(self) -> bool:
        """Whether zeros were taken."""
        return 8 * self._at - self._left > 8 * len(self._data)

    def _fetch(self) -> None:
        if self.overdrawn:
            raise ValueError("the data ends within a block")
        more = self._data[self._at : self._at + WINDOW // 8]
        self._held = self._held << WINDOW | int.from_bytes(more) << (WINDOW - 8 * len(more))
        self._left += WINDOW
        self._at += WINDOW // 8


@dataclass
class Part:
    """What a component has in a scan.

    Attributes:
        levels: the coefficients that are there so far, 64 for each block.
        dc, ac: its tables, empty where the scan has none.
        previous: the DC coefficient of the block before.
    """

    levels: array[int]
    dc: Lookup
    ac: Lookup
    previous: int = 0


@dataclass
class Scan:
    """Reads block after block.

    Attributes:
        first, last: the band of coefficients, in the order of the file; all 64 in sequential files.
        high: the bit above those that are read, where these refine; else 0.
        low: the lowest bit that is read.
    """

    first: int
    last: int
    high: int
    low: int
    ended: int = field(default=0, init=False)
    """Blocks from this one on that hold nothing more (EOBRUN)."""

    def restart(self, parts: Iterable[Part]) -> None:
        """Begin a restart interval, in which nothing is known of the blocks before (T.81 F.1.1.5.1, G.1.2.2)."""
        self.ended = 0
        for part in parts:
            part.previous = 0

    def read(self, bits: Bits, part: Part, at: int) -> None:
        """The block whose coefficients are from `at` on.

        Raises:
            ValueError, IndexError, OverflowError: the data is damaged.
        """
        if self.first == 0:
            (self._refine_dc if self.high else self._dc)(bits, part, at)
        if self.last > 0:
            (self._refine_ac if self.high else self._ac)(bits, part, at)

    def _dc(self, bits: Bits, part: Part, at: int) -> None:
        """T.81 F.2.2.1, G.1.2.1."""
        part.previous += bits.signed(bits.symbol(part.dc))
        part.levels[at] = part.previous << self.low

    def _refine_dc(self, bits: Bits, part: Part, at: int) -> None:
        """T.81 G.1.2.1.1."""
        part.levels[at] |= bits.take(1) << self.low

    def _ac(self, bits: Bits, part: Part, at: int) -> None:
        """T.81 F.2.2.2, G.1.2.2; sequential files have no run of blocks that have ended but this one."""
        if self.ended:
            self.ended -= 1
            return
        place = max(self.first, 1)
        while place <= self.last:
            zeros, size = divmod(bits.symbol(part.ac), 16)
            if size == 0 and zeros < 15:
                self.ended = (1 << zeros) + bits.take(zeros) - 1
                return
            place += zeros
            if size:
                part.levels[at + ZIGZAG[place]] = bits.signed(size) << self.low
            place += 1

    def _refine_ac(self, bits: Bits, part: Part, at: int) -> None:
        """T.81 G.1.2.3: new coefficients of 1 or -1, and the next bit of each that is there and passed."""
        place = self.first
        while place <= self.last and not self.ended:
            zeros, size = divmod(bits.symbol(part.ac), 16)
            new = 0
            if size:
                new = (1 if bits.take(1) else -1) << self.low
            elif zeros < 15:
                self.ended = (1 << zeros) + bits.take(zeros)
                break
            place = self._pass(bits, part, at, place, zeros)
            if new:
                part.levels[at + ZIGZAG[place]] = new
            place += 1
        if self.ended:
            self._pass(bits, part, at, place, 64)
            self.ended -= 1

    def _pass(self, bits: Bits, part: Part, at: int, place: int, zeros: int) -> int:
        """Refine what is there, over so many zeros; the place of the zero behind them, or behind the band."""
        while place <= self.last:
            here = at + ZIGZAG[place]
            if level := part.levels[here]:
                part.levels[here] += bits.take(1) * ((1 if level > 0 else -1) << self.low)
            elif zeros == 0:
                break
            else:
                zeros -= 1
            place += 1
        return place
