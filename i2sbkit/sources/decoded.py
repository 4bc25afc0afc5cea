"""Decoded photographs by their number: the last few stay in memory, and what is damaged is passed over."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from ..kernel.errors import Error
from .photographs import Photograph
from .skipping import Damaged


class Photographs:
    """Photographs, decoded when they are wanted.

    Args:
        count: how many there are.
        read: decodes one by its number.
        held: so many stay in memory.
        strict: one that is damaged is an error.
    """

    def __init__(self, count: int, read: Callable[[int], Photograph], held: int, strict: bool) -> None:
        self._count, self._read, self._held, self._strict = count, read, held, strict
        self._photographs: OrderedDict[int, Photograph] = OrderedDict()
        self._damaged: set[int] = set()
        self._untold: list[Damaged] = []

    def first(self, numbers: Iterable[int]) -> Photograph:
        """The first of these that is not damaged.

        Raises:
            Error: one cannot be read, or all are damaged.
        """
        for number in numbers:
            if number in self._damaged:
                continue
            try:
                return self._get(number)
            except Damaged as damaged:
                if self._strict:
                    raise
                self._damaged.add(number)
                self._untold.append(damaged)
        raise Error(f"none of {self._count} photographs can be decoded; `i2sbkit shards check` says why")

    def damaged(self) -> tuple[Damaged, ...]:
        """Those found damaged since this was asked last."""
        found, self._untold = tuple(self._untold), []
        return found

    def _get(self, number: int) -> Photograph:
        if number not in self._photographs:
            self._photographs[number] = self._read(number)
        self._photographs.move_to_end(number)
        while len(self._photographs) > self._held:
            self._photographs.popitem(last=False)
        return self._photographs[number]
