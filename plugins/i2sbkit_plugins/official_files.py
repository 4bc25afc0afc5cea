"""Reading others' pickles without running anything that is in them."""

from __future__ import annotations

import io
import pickle
import types
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, TypeGuard

import torch

import i2sbkit

from .official_pickles import look_through

LARGEST = 1 << 20
"""Bytes of an options.pkl; the authors' have a few hundred."""
DEEPEST, LONGEST = 2, 100
"""Of lists in it; the authors' have none."""
LEGACY = 5
"""Pickles that a file begins with which torch.save wrote unzipped: what it is, of whom, the object, its tensors."""
KINDS = ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Short", "Char", "Byte", "Bool")
NAMES = {
    "collections OrderedDict", "collections Counter", "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter", *(f"torch {kind}Storage" for kind in KINDS),
}  # fmt: skip
"""All that the pickle of a checkpoint may ask for. torch lets more through, such as bytearray, which can ask for any
amount of memory."""
PLAIN = (type(None), bool, int, float, str)
PATHS = {
    "PosixPath": PurePosixPath,
    "PurePosixPath": PurePosixPath,
    "WindowsPath": PureWindowsPath,
    "PureWindowsPath": PureWindowsPath,
}


class _Restricted(pickle.Unpickler):
    """Knows argparse.Namespace and the paths of pathlib, on whichever system they were pickled, and nothing else.

    The classes it hands out are made for one file: a pickle can change the attributes of a class, but of no other.
    """

    def __init__(self, text: bytes) -> None:
        super().__init__(io.BytesIO(text))
        self.namespace: type = type("Namespace", (types.SimpleNamespace,), {})
        self._paths = {name: type(name, (kind,), {}) for name, kind in PATHS.items()}

    def find_class(self, module: str, name: str) -> type:
        if (module, name) == ("argparse", "Namespace"):
            return self.namespace
        if module in ("pathlib", "pathlib._local") and name in self._paths:
            return self._paths[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def read_options(path: Path) -> dict[str, Any]:
    """The values of a pickled argparse.Namespace: None, bool, int, float, str, lists of these; paths as str.

    Raises:
        i2sbkit.Error: not there, or anything else than such a Namespace; nothing in it is called.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise pickle.UnpicklingError(f"it has more than {LARGEST} bytes")
        content = path.read_bytes()
        look_through(io.BytesIO(content))
        reader = _Restricted(content)
        found = reader.load()
        if type(found) is not reader.namespace:
            raise pickle.UnpicklingError(f"it holds a {type(found).__name__}")
        return {str(name): _plain(value, 0) for name, value in vars(found).items()}
    except FileNotFoundError:
        raise i2sbkit.Error(f"{path}: is missing; the authors' download has it beside latest.pt") from None
    except Exception as error:  # a damaged pickle fails in any way
        raise i2sbkit.Error(
            f"{path}: refused, as it is not only an argparse.Namespace of plain values ({_line(error)})"
        ) from None


def _plain(value: object, depth: int) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, list | tuple):
        if depth == DEEPEST or len(value) > LONGEST:  # a list of itself over and over is small only as a pickle
            raise pickle.UnpicklingError(f"it holds lists deeper than {DEEPEST} or longer than {LONGEST}")
        return [_plain(each, depth + 1) for each in value]
    if type(value) not in PLAIN:
        raise pickle.UnpicklingError(f"it holds a {type(value).__name__}")
    return value


def is_checkpoint(path: Path) -> bool:
    """Whether a file begins as torch.save's do, zipped or pickled."""
    with path.open("rb") as file:
        start = file.read(4)
    return start[:4] == b"PK\x03\x04" or start[:1] == b"\x80"


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """What torch.save wrote, if it is a dict of tensors and plain values; zipped files are mapped, not read.

    Raises:
        i2sbkit.Error: damaged, or holding anything else, of which nothing is called.
    """
    try:
        zipped = zipfile.is_zipfile(path)
        _look_into_zip(path) if zipped else _look_into_legacy(path)
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # torch raises whatever the damage leads to
        raise i2sbkit.Error(
            f"{path}: refused, as it does not hold tensors and plain values alone ({_line(error)})"
        ) from None
    if not is_table(found):
        raise i2sbkit.Error(f"{path}: holds a {type(found).__name__}, not a checkpoint")
    return found


def is_table(found: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a dict, and answers as one: a pickle can give an OrderedDict another `get`."""
    return isinstance(found, dict) and getattr(found, "__dict__", {}).keys() <= {"_metadata"}


def _look_into_zip(path: Path) -> None:
    """See that an archive is stored as it is, whole, and its pickle harmless; of all this torch does not ask."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise zipfile.BadZipFile("it is compressed, as torch.save never does")
        names = [member.filename for member in members]
        if len(set(names)) < len(names) or sum(member.file_size for member in members) > path.stat().st_size:
            raise zipfile.BadZipFile("its members overlap")
        pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1:
            raise zipfile.BadZipFile(f"it holds {len(pickles)} pickles")
        if wrong := archive.testzip():
            raise zipfile.BadZipFile(f"{wrong} is damaged")
        with archive.open(pickles[0]) as stream:
            look_through(stream, NAMES)


def _look_into_legacy(path: Path) -> None:
    with path.open("rb") as stream:
        for _ in range(LEGACY):
            look_through(stream, NAMES)


def float_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """Tensors in float32.

    Raises:
        i2sbkit.Error: one is not made of finite floating-point numbers that are all in the file, each once.
    """
    found, size = {}, path.stat().st_size
    for name, tensor in tensors.items():
        whole = tensor.layout == torch.strided and not tensor.is_meta and tensor.is_contiguous()
        if not (whole and tensor.is_floating_point()):
            raise i2sbkit.Error(f"{path}: {name!r} is not a plain tensor of floating-point numbers")
        size -= tensor.nbytes
        if size < 0:
            raise i2sbkit.Error(f"{path}: {name!r} and those before it are larger than the file")
        found[name] = tensor.float()
        if not found[name].isfinite().all():
            raise i2sbkit.Error(
                f"{path}: {name!r} holds numbers that are not finite: damaged, or a training that broke"
            )
    return found


def _line(error: Exception) -> str:
    """What went wrong, in one line; of what torch says the first sentence: others tell how to load it all the same."""
    text = str(error).strip()
    refused = next((line for line in text.splitlines() if "Unsupported" in line or "GLOBAL" in line), text)
    first = refused.partition("\n")[0].partition(". ")[0].strip()
    return f"{type(error).__name__}: {ascii(first[:200])[1:-1]}"
