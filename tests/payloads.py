"""Pickles that do something to whoever unpickles them, each in its own way: they would create a file."""

import argparse
import builtins
import codecs
import functools
import importlib
import io
import marshal
import operator
import os
import pickle
import posix
import runpy
import subprocess
import zipfile
from pathlib import Path, PosixPath

import numpy as np
import torch


class Call:
    """Pickled, it is a call; of what another one gives, too."""

    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __call__(self):
        """Only what can be called may be pickled as what is called."""

    def __reduce__(self):
        return self.parts


class Remembers:
    """Its __setstate__ writes a file."""

    def __setstate__(self, state):
        Path(state["path"]).touch()


def remembers(path: Path) -> Remembers:
    made = Remembers()
    made.path = str(path)
    return made


def code(path: Path) -> str:
    """Python that creates the file."""
    return f"__import__('pathlib').Path({str(path)!r}).touch()"


def compiled(path: Path) -> Call:
    """Compiled code, run."""
    return Call(exec, Call(marshal.loads, marshal.dumps(compile(code(path), "x", "eval"))))


def inner_checkpoint(path: Path) -> Call:
    """torch's own reader of storages, which unpickles what it is given without restraint."""
    inner = io.BytesIO()
    torch.save({"x": Call(os.system, f"touch {path}")}, inner)
    return Call(torch.storage._load_from_bytes, inner.getvalue())


PAYLOADS = {
    "os.system": lambda path: Call(os.system, f"touch {path}"),
    "posix.system": lambda path: Call(posix.system, f"touch {path}"),
    "os.popen": lambda path: Call(os.popen, f"touch {path}"),
    "subprocess.call": lambda path: Call(subprocess.call, ["touch", str(path)]),
    "subprocess.Popen": lambda path: Call(subprocess.Popen, ["touch", str(path)]),
    "eval": lambda path: Call(eval, code(path)),
    "exec": lambda path: Call(exec, code(path)),
    "open": lambda path: Call(open, str(path), "w"),
    "getattr": lambda path: Call(Call(getattr, Call(importlib.import_module, "os"), "system"), f"touch {path}"),
    "__import__": lambda path: Call(builtins.__import__, "this"),
    "partial": lambda path: Call(functools.partial(os.system, f"touch {path}")),
    "methodcaller": lambda path: Call(operator.methodcaller("touch"), path),
    "runpy": lambda path: Call(runpy.run_path, str(path)),
    "a path's method": lambda path: Call(PosixPath.touch, PosixPath(path)),
    "a path's text": lambda path: Call(PosixPath.write_text, PosixPath(path), "x"),
    "setstate": remembers,
    "compiled code": compiled,
    "a pickle within": lambda path: Call(pickle.loads, pickle.dumps(Call(os.system, f"touch {path}"))),
    "a pickle within torch's storage": inner_checkpoint,
    "a call as an argument": lambda path: Call(len, Call(list, [Call(os.system, f"touch {path}")])),
    "numpy's array": lambda path: Call(
        np._core.multiarray._reconstruct, np.ndarray, (0,), Call(os.system, f"touch {path}")
    ),
    "numpy's objects": lambda path: np.array([Call(os.system, f"touch {path}")], dtype=object),
    "codecs": lambda path: Call(codecs.encode, Call(os.system, f"touch {path}"), "latin1"),
    "torch's loader": lambda path: Call(torch.load, Call(open, str(path), "w")),
    "torch's hub": lambda path: Call(torch.hub.load, str(path), "x", "local"),
    "torch's tensor of a call": lambda path: Call(torch.tensor, Call(os.system, f"touch {path}")),
    "a whole module": lambda path: torch.nn.Linear(1, 1),
    "a parameter with state": lambda path: Call(
        torch._utils._rebuild_parameter_with_state, torch.zeros(1), False, {}, remembers(path)
    ),
}  # fmt: skip


def written_by_hand(path: Path) -> dict[str, bytes]:
    """Pickles of operations that Python's own pickler no longer writes, or never wrote."""
    touch = f"touch {path}".encode()
    short = b"\x8c" + bytes([len(touch)]) + touch
    return {
        "GLOBAL and REDUCE": b"cos\nsystem\n(S'" + touch + b"'\ntR.",
        "INST": b"(S'" + touch + b"'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'" + touch + b"'\no.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + short + b"\x85R.",
        "STACK_GLOBAL of pieces": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940h\x00h\x01\x93" + short + b"\x85R.",
        "NEWOBJ": b"\x80\x02csubprocess\nPopen\n" + b"X" + len(touch).to_bytes(4, "little") + touch + b"\x85\x81.",
        "NEWOBJ_EX": b"\x80\x04\x8c\nsubprocess\x8c\x05Popen\x93" + short + b"\x85}\x92.",
        "Python 2's name": b"\x80\x02c__builtin__\neval\nX" + len(code(path)).to_bytes(4, "little")
        + code(path).encode() + b"\x85R.",
        "an extension": b"\x80\x02\x82\x01.",
        "BUILD of a class": b"\x80\x02cargparse\nNamespace\n}X\x01\x00\x00\x00x" + b"cos\nsystem\nsb.",
        "a dotted attribute": b"\x80\x04\x8c\x08argparse\x8c\x12Namespace.__init__\x93.",
        "through our own names": b"\x80\x04\x8c\x08argparse\x8c\x08_sys.exit\x93\x85R.",
        "a payload behind the end": pickle.dumps(argparse.Namespace()) + b"cos\nsystem\n(S'" + touch + b"'\ntR.",
        "a payload on the stack below": b"cos\nsystem\n(S'" + touch + b"'\ntR0N.",
    }  # fmt: skip


def zipped(path: Path, pickled: bytes) -> Path:
    """A file as torch.save writes it, around a pickle of somebody's own."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", b"3\n")
        archive.writestr("archive/byteorder", b"little")
    return path
