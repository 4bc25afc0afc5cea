"""Masks from files: a folder of pictures, or the arrays of a .npy or .npz file; 1 = missing.

Nothing is unpickled. Of an .npz file each mask is kept as bits (82 MB for 10,000 of 256 x 256); a .npy file stays on
the disk and is mapped into memory; pictures are read when they are wanted.
"""

from __future__ import annotations

import hashlib
import re
import warnings
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.lib import format as npy
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ..kernel.errors import Error
from ..pictures.decoding import decode
from ..pictures.finding import pictures_in
from ..plain import short

PACKED_SIDE = 256
"""Height and width of masks that lie as bare bits: those of Palette (Saharia et al. 2022)."""
CHUNK = 1 << 26
"""So many bytes of an .npz file are unpacked at a time, or one mask; a few kilobytes of file can hold any number."""
MOST, MOST_OF_ONE = 1 << 30, 1 << 28
"""Bytes of all masks of an .npz file, as bits; and of one of them, as the file has it."""
HEADER = 10_000
"""Bytes of an array's header that are read."""


class Masks(ABC):
    """Masks by their number, from 0."""

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def read(self, number: int) -> np.ndarray:
        """One of them, (h, w) of bool.

        Raises:
            Error: it cannot be read.
        """

    def sized(self, number: int, rows: int, columns: int) -> Tensor:
        """One of them as (1, rows, columns) of 0 and 1, float32: of another size, the nearest pixels of it."""
        mask = torch.from_numpy(self.read(number).astype(np.float32))[None]
        if mask.shape[1:] == (rows, columns):
            return mask
        return interpolate(mask[None], (rows, columns), mode="nearest-exact")[0]


@dataclass(frozen=True)
class PictureMasks(Masks):
    """A folder of pictures, upright: what is nearer to white than to black is missing."""

    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.files)

    def read(self, number: int) -> np.ndarray:
        file = self.files[number]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of metadata and further frames nothing is wanted
                levels = decode(file).upright()
            if levels.dtype != np.uint8:
                raise ValueError(f"more than 8 bits, {levels.dtype}: convert it first")
            if levels.shape[2] < 3:
                return np.asarray(levels[..., 0] > 127)
            return np.asarray(Image.fromarray(np.ascontiguousarray(levels[..., :3])).convert("L")) > 127
        except Exception as error:  # on damaged files Pillow's decoders raise nearly everything
            raise Error(f"{file}: not a readable mask ({' '.join(str(error).split())})") from None


@dataclass(frozen=True)
class ArrayMasks(Masks):
    """An array (N, h, w) as it lies in a .npy file."""

    array: np.ndarray
    where: str

    def __len__(self) -> int:
        return len(self.array)

    def read(self, number: int) -> np.ndarray:
        return _missing(self.array[number], f"{self.where}: mask {number}")


@dataclass(frozen=True)
class BitMasks(Masks):
    """Eight pixels a byte: (N, bytes of a mask)."""

    bits: np.ndarray
    rows: int
    columns: int

    def __len__(self) -> int:
        return len(self.bits)

    def read(self, number: int) -> np.ndarray:
        pixels = np.unpackbits(self.bits[number], count=self.rows * self.columns)
        return pixels.reshape(self.rows, self.columns).astype(bool)


def masks_fingerprint(given: str | Path) -> str:
    """What masks are, wherever they lie: of a folder the names and sizes of its files, of a file its bytes."""
    path = Path(given)
    if not path.exists():  # the key of an array behind it
        path = Path(str(given).rpartition(":")[0])
    digest = hashlib.sha256()
    for file in pictures_in(path):
        if path.is_dir():
            digest.update(repr((file.relative_to(path).as_posix(), file.stat().st_size)).encode())
        else:
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]


def open_masks(given: str | Path) -> Masks:
    """The masks of a folder of pictures, a .npy file, or an .npz file.

    Arrays are (N, H, W) or (N, 1, H, W) of 0 and 1, true and false, or 0 and 255; or the bits of masks of 256 x 256,
    eight a byte and in one row, as Palette's `imagenet_freeform_masks.npz` has them.

    Args:
        given: the path; of an .npz file with several arrays followed by a colon and the key of one,
            `imagenet_freeform_masks.npz:10-20% freeform`.

    Raises:
        Error: there are no masks, it is not said which, or they are of another kind.
    """
    path, key = Path(given), ""
    if not path.exists() and (named := re.fullmatch(r"(.*\.npz):(.+)", str(given), re.IGNORECASE | re.DOTALL)):
        path, key = Path(named[1]), named[2]
    if path.is_dir():
        return PictureMasks(tuple(pictures_in(path)))
    if path.suffix.lower() not in (".npy", ".npz") or not path.is_file():
        raise Error(f"{path}: no such masks; give a folder of pictures (white = missing), a .npy or an .npz file")
    try:
        return _from_npz(path, key) if path.suffix.lower() == ".npz" else _from_npy(path)
    except Error:
        raise
    except Exception as error:  # of hostile archives and headers zipfile and numpy raise nearly everything
        raise Error(f"{path}: not a readable file of masks ({short(error) or type(error).__name__})") from None


def _from_npy(path: Path) -> Masks:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    rows, columns = _sides(array.shape, array.dtype, str(path))
    if array.ndim == 1:
        return BitMasks(array.reshape(-1, rows * columns // 8), rows, columns)
    return ArrayMasks(array.reshape(-1, rows, columns), str(path))


def _from_npz(path: Path, key: str) -> Masks:
    with zipfile.ZipFile(path) as archive:
        keys = [name.removesuffix(".npy") for name in archive.namelist()]
        if key not in keys and (key or len(keys) != 1):
            there = ", ".join(f'"{path.name}:{name}"' for name in keys) or "none"
            what = f"no array {key!r} in it" if key else "several arrays"
            raise Error(f"{path}: {what}; say which of: {short(there)}")
        where = f"{path}:{key or keys[0]}"
        name = key or keys[0]
        with archive.open(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name) as file:
            shape, dtype = _header(file, where)
            rows, columns = _sides(shape, dtype, where)
            _check_size(shape, rows * columns, dtype, where)
            if len(shape) == 1:
                return BitMasks(np.frombuffer(file.read(), dtype).reshape(-1, rows * columns // 8), rows, columns)
            packed = [np.packbits(chunk, axis=1) for chunk in _chunks(file, rows * columns, dtype, where)]
    bits = np.concatenate(packed)
    if len(bits) != shape[0]:
        raise Error(f"{where}: cut off after {len(bits)} of {shape[0]} masks; get the file again")
    return BitMasks(bits, rows, columns)


def _header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and kind of the array that follows in a .npy stream."""
    version = npy.read_magic(file)
    if int.from_bytes(file.read(2 if version == (1, 0) else 4), "little") > HEADER:
        raise Error(f"{where}: a header of more than {HEADER} bytes, which no array of masks has")
    file.seek(npy.MAGIC_LEN)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if fortran and len(shape) > 1:
        raise Error(f"{where}: in Fortran's order; write numpy.ascontiguousarray of it")
    return shape, dtype


def _sides(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> tuple[int, int]:
    """Height and width of the masks in an array of this shape."""
    if dtype.hasobject:
        raise Error(f"{where}: holds Python objects, which are never unpickled; write the masks as numbers")
    bits = len(shape) == 1 and dtype == np.uint8 and shape[0] % (PACKED_SIDE**2 // 8) == 0
    if (bits or len(shape) == 3 or (len(shape) == 4 and shape[1] == 1)) and dtype.kind in "buif" and min(shape) > 0:
        return (PACKED_SIDE, PACKED_SIDE) if bits else (shape[-2], shape[-1])
    raise Error(
        f"{where}: {dtype} of shape {shape}; masks are (N, H, W) or (N, 1, H, W) of 0 and 1, "
        f"or the bits of {PACKED_SIDE} x {PACKED_SIDE} ones"
    )


def _check_size(shape: tuple[int, ...], pixels: int, dtype: np.dtype[Any], where: str) -> None:
    """See that masks are not many times what anybody has, before they are unpacked."""
    kept = shape[0] if len(shape) == 1 else shape[0] * (pixels + 7) // 8
    if kept > MOST or (len(shape) > 1 and pixels * dtype.itemsize > MOST_OF_ONE):
        raise Error(f"{where}: {dtype} of shape {shape}, which is too large to unpack; write it as a .npy file")


def _chunks(file: IO[bytes], pixels: int, dtype: np.dtype[Any], where: str) -> Iterator[np.ndarray]:
    """The masks of a stream, (n, pixels) of bool, a few at a time."""
    length, number = pixels * dtype.itemsize, 0
    while data := file.read(length * max(1, CHUNK // length)):
        whole = np.frombuffer(data[: len(data) - len(data) % length], dtype).reshape(-1, pixels)
        yield _missing(whole, f"{where}: masks from {number}")
        number += len(whole)


def _missing(values: np.ndarray, where: str) -> np.ndarray:
    """Numbers as bool, where they are 0 and 1 or 0 and 255."""
    missing = values != 0
    if not (values[missing] == 1).all() and not (values[missing] == 255).all():
        raise Error(f"{where}: holds other numbers than 0 and 1, or 0 and 255 (1 and 255: missing)")
    return np.asarray(missing)
