"""A canvas of characters."""

from __future__ import annotations

Cell = tuple[int, int]
"""Column from the left and line from the top."""


class TextCanvas:
    """Characters in so many columns and lines; what is drawn later covers what was there."""

    def __init__(self, columns: int, lines: int) -> None:
        self._cells = [[" "] * columns for _ in range(lines)]
        self._taken: set[Cell] = set()

    def dot(self, cell: Cell, sign: str) -> None:
        """A sign that labels may cover."""
        self._cells[cell[1]][cell[0]] = sign

    def line(self, start: Cell, end: Cell, sign: str) -> None:
        """Dots from one cell to another."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1])) or 1
        for k in range(steps + 1):
            x, y = (round(a + k / steps * (b - a)) for a, b in zip(start, end, strict=True))
            self.dot((x, y), sign)

    def marker(self, cell: Cell, sign: str) -> None:
        """A sign that no label may cover."""
        self.dot(cell, sign)
        self._taken.add(cell)

    def label(self, cell: Cell, text: str) -> None:
        """A text beside a cell, above or below it, where it covers the least; nowhere if it would cover a marker."""
        x, y = cell
        middle = x - len(text) // 2
        places = [(x + 2, y), (x - 1 - len(text), y), (middle, y - 1), (middle, y + 1)]
        free = [place for place in places if self._is_free(place, text)]
        if not free:
            return
        left, line = min(free, key=lambda place: self._covered(place, text))
        for k, sign in enumerate(text):
            self.marker((left + k, line), sign)

    def rows(self) -> list[str]:
        """The lines, from the top."""
        return ["".join(row) for row in self._cells]

    def _is_free(self, place: Cell, text: str) -> bool:
        """Whether it lies within the canvas and on no marker, nor directly behind or before one on its line."""
        left, line = place
        inside = left >= 0 and left + len(text) <= len(self._cells[0]) and 0 <= line < len(self._cells)
        return inside and not any((x, line) in self._taken for x in range(left - 1, left + len(text) + 1))

    def _covered(self, place: Cell, text: str) -> int:
        left, line = place
        return sum(sign != " " for sign in self._cells[line][left : left + len(text)])
