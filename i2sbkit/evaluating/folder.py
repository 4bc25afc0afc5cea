"""The folder of an evaluation: what it measures, how far each part has come, and in the end the whole.

settings.json                 what the numbers depend on
part-1-of-2.jsonl             the numbers of each picture
part-1-of-2.safetensors       all sums so far, whole at any moment
pictures.jsonl, pictures.csv, results.json, results.md      once every part is done
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..distributed import World
from ..files import atomic, sweep, write_text
from ..kernel.errors import Error
from . import rows
from .tally import Tally

if sys.platform != "win32":
    import fcntl

KEY = "i2sbkit"
PART = re.compile(r"part-\d+-of-\d+\.(jsonl|safetensors)")
OWN = {"Weights", "Arms", "Columns", "parts"}
"""By which the settings of an evaluation are known from others."""
RESULTS = ("pictures.jsonl", "pictures.csv", "results.json", "results.md")


@dataclass(frozen=True)
class Folder:
    """Where one part of an evaluation is kept.

    Attributes:
        settings: what the numbers depend on.
        part, parts: which, counted from 1, of how many.
        lines: rows a picture.
    """

    path: Path
    settings: Mapping[str, str]
    part: int
    parts: int
    lines: int

    @contextmanager
    def opened(self, overwrite: bool, alone: bool = True) -> Iterator[None]:
        """Within the block this part is ours, in a folder of this evaluation: made, found as it is, or begun anew.

        Args:
            overwrite: remove the evaluation that the folder holds, and nothing else.
            alone: no other process works in the folder, so what lies half written in it is of one that was killed.

        Raises:
            Error: it holds another evaluation or files of others, cannot be written, or another process does this part.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            str(self.path).encode()  # safetensors can open no other names
            self._see_that_it_is_an_evaluation()
            if not overwrite:
                self._see_that_it_is_the_same()
            lock = self.rows.open("a")
        except (OSError, ValueError) as error:
            raise Error(f"{self.path}: cannot be used as the folder of an evaluation ({error})") from None
        with lock:
            self._lock(lock)
            if alone:
                sweep(self.path)
            if overwrite:
                self._clear()
            if overwrite or not self._settings.exists():
                write_text(self._settings, json.dumps(self._wanted, indent=2) + "\n")
            self._see_that_it_is_the_same()
            yield

    @contextmanager
    def joined(self, world: World, overwrite: bool) -> Iterator[None]:
        """`opened` in each of several processes, the first of which makes the folder.

        Raises:
            Error: see `opened`; or a process does not see what the first has made.
        """
        with ExitStack() as stack:
            with world.agreed():
                if world.first:
                    stack.enter_context(self.opened(overwrite, alone=world.size == self.parts))
            with world.agreed():
                if not world.first and not self._settings.exists():
                    raise Error(f"{self.path}: is another folder here; give --out DIR where all machines see the same")
                if not world.first:
                    stack.enter_context(self.opened(False, alone=False))
            yield

    @property
    def _settings(self) -> Path:
        return self.path / "settings.json"

    @property
    def _wanted(self) -> dict[str, str]:
        return {**self.settings, "parts": str(self.parts)}

    def _found(self) -> Any:
        return json.loads(self._settings.read_text("utf-8")) if self._settings.exists() else None

    def _see_that_it_is_an_evaluation(self) -> None:
        found = self._found()
        if isinstance(found, dict) and found.keys() >= OWN:
            return
        others = [name for name in (self._settings.name, *RESULTS) if (self.path / name).exists()]
        if others:
            raise Error(f"{self.path}: what is there as {others[0]} is not of an evaluation; take another --out")

    def _see_that_it_is_the_same(self) -> None:
        found, wanted = self._found(), self._wanted
        changed = [key for key in wanted if found is not None and found.get(key) != wanted[key]]
        if changed:
            was = f"{changed[0]} was {found.get(changed[0])!r}, now {wanted[changed[0]]!r}"
            raise Error(f"{self.path}: holds another evaluation ({was}); take another --out, or --overwrite")

    def _lock(self, file: TextIO) -> None:
        """Keep other processes from this part, for as long as the file is open."""
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Error(f"{self.path}: another process is at part {self.part}/{self.parts}; let it finish") from None
        except OSError:  # a network's file system without locks
            return

    def _clear(self) -> None:
        parts = [path for path in self.path.iterdir() if PART.fullmatch(path.name) and path != self.rows]
        for old in [*parts, *(self.path / name for name in RESULTS)]:
            old.unlink(missing_ok=True)

    @property
    def rows(self) -> Path:
        """The numbers of each picture of this part."""
        return self._of(self.part, "jsonl")

    def load(self, tally: Tally) -> bool:
        """Put back what this part has done so far; whether it is all.

        Raises:
            Error: what is there is damaged.
        """
        done = self._load(tally, self.part)
        rows.keep(self.rows, tally.pictures * self.lines)
        return done

    def save(self, tally: Tally, done: bool) -> None:
        """Keep what this part has done; its rows are on the disk already.

        Raises:
            Error: it cannot be written.
        """
        header = {"pictures": tally.pictures, "enlarged": tally.enlarged, "done": done}
        path = self._of(self.part, "safetensors")
        try:
            with atomic(path) as temporary:
                save_file(tally.tensors(), temporary, {KEY: json.dumps(header)})
        except SafetensorError as error:
            raise Error(f"{path}: cannot be written ({error})") from None

    def missing(self) -> list[int]:
        """The parts that are not done."""
        return [number for number in range(1, self.parts + 1) if not self._header(number).get("done")]

    def whole(self, tally: Tally) -> Tally:
        """The sums of all parts, which must be done; `tally` holds this one's."""
        for number in range(1, self.parts + 1):
            if number != self.part:
                other = tally.empty()
                self._load(other, number)
                tally.merge(other)
        return tally

    def all_rows(self) -> list[Path]:
        """The numbers of each picture, part by part."""
        return [self._of(number, "jsonl") for number in range(1, self.parts + 1)]

    def _of(self, number: int, suffix: str) -> Path:
        return self.path / f"part-{number}-of-{self.parts}.{suffix}"

    def _header(self, number: int) -> dict[str, int]:
        path = self._of(number, "safetensors")
        if not path.exists():
            return {}
        try:
            with safe_open(path, "pt") as file:
                return dict(json.loads((file.metadata() or {})[KEY]))
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise Error(f"{path}: damaged ({error}); remove it, and this part begins anew") from None

    def _load(self, tally: Tally, number: int) -> bool:
        header = self._header(number)
        if not header:
            return False
        with safe_open(self._of(number, "safetensors"), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        tally.load(header["pictures"], header["enlarged"], tensors)
        return bool(header["done"])
