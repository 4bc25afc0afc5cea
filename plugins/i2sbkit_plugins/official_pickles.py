"""Looking through a pickle before it is read: what it would call, and how much memory and time it could take.

A pickle is a program for a small machine (Python's `pickletools` lists its operations). Which functions it may call is
for its reader to say; but a reader that calls no more than `bytearray` has filled the memory, and a tuple of itself
over and over, used as a key, is never done.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Container
from typing import IO

LARGEST = 1 << 24
"""Bytes of a pickle; that of a checkpoint of a thousand tensors has a few hundred thousand."""
MOST_AGAIN = 20
"""How often a tuple may be used that was used before; in what torch and argparse write there is none."""
NEVER = ("DUP", "POP", "POP_MARK", "INST", "OBJ", "EXT1", "EXT2", "EXT4")
"""Operations that no pickler writes, or none of this century."""


def look_through(stream: IO[bytes], names: Container[str] | None = None) -> None:
    """Look at one pickle, from where a stream stands to its end.

    Args:
        names: what it may ask for, as "module name"; None leaves that to its reader.

    Raises:
        pickle.UnpicklingError: it could do more than hold values.
        ValueError: it is none.
    """
    start, memo, top, again = stream.tell(), dict[int, str](), "", 0
    for operation, argument, place in pickletools.genops(stream):
        name = operation.name
        if name in NEVER or (name == "STACK_GLOBAL" and names is not None):
            raise pickle.UnpicklingError(f"it has the operation {name}")
        if name == "GLOBAL" and names is not None and argument not in names:
            raise pickle.UnpicklingError(f"it asks for {str(argument).replace(' ', '.')}")
        if (place or 0) - start > LARGEST:
            raise pickle.UnpicklingError(f"its pickle has more than {LARGEST} bytes")
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            number = len(memo) if argument is None else int(argument)
            if number > LARGEST:  # Python makes room for all below
                raise pickle.UnpicklingError(f"it remembers something as number {number}")
            memo[number] = top
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            top = memo.get(int(argument or 0), "")
            again += top.startswith("TUPLE")
            if again > MOST_AGAIN:
                raise pickle.UnpicklingError("it uses the same tuples again and again")
        else:
            top = name
