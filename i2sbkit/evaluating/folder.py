"""The folder of an evaluation: what it measures, how far each part has come, and in the end the whole.

settings.json                 what the numbers depend on
part-1-of-2.jsonl             the numbers of each picture
part-1-of-2.safetensors       all sums so far, whole at any moment
pictures.jsonl, pictures.csv, results.json, results.md      once every part is done
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..files import atomic, sweep, write_text
from ..kernel.errors import Error
from . import rows
from .tally import Tally

KEY = "i2sbkit"


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

    def open(self, overwrite: bool) -> None:
        """Make the folder, or see that it holds the same evaluation.

        Raises:
            Error: it holds another one, or cannot be written.
        """
        wanted = {**self.settings, "parts": str(self.parts)}
        file = self.path / "settings.json"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            sweep(self.path)
            if overwrite:
                for old in [*self.path.glob("part-*-of-*.*"), *self.path.glob("pictures.*"), file]:
                    old.unlink(missing_ok=True)
            if not file.exists():
                write_text(file, json.dumps(wanted, indent=2) + "\n")
            found = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise Error(f"{self.path}: cannot be used as the folder of an evaluation ({error})") from None
        changed = [key for key in wanted if not isinstance(found, dict) or found.get(key) != wanted[key]]
        if changed:
            was = f"{changed[0]} was {found.get(changed[0])!r}" if isinstance(found, dict) else "not settings"
            raise Error(
                f"{self.path}: holds another evaluation ({was}, now {wanted[changed[0]]!r}); take another --out, "
                "or --overwrite"
            )

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
        """Keep what this part has done; its rows are written already."""
        header = {"pictures": tally.pictures, "done": done}
        with atomic(self._of(self.part, "safetensors")) as temporary:
            save_file(tally.tensors(), temporary, {KEY: json.dumps(header)})

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
            raise Error(f"{path}: damaged ({error}); --overwrite begins anew") from None

    def _load(self, tally: Tally, number: int) -> bool:
        header = self._header(number)
        if not header:
            return False
        with safe_open(self._of(number, "safetensors"), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        tally.load(header["pictures"], tensors)
        return bool(header["done"])
