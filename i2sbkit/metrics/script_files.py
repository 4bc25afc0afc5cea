"""Networks in TorchScript files: a program and its weights, which no pickle is needed for."""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path

import torch

from ..kernel.errors import Error
from .features import ModuleNetwork

HOW = "write TorchScript: torch.jit.trace(net, images).save('net.pt')"
COMPUTATION = "TorchScript 1"


def script_network(path: Path, device: torch.device | str) -> ModuleNetwork:
    """The network of a TorchScript file, named by the file's stem; what it must take and give: see `ModuleNetwork`.

    Opening a file runs no Python. Its program may still compute anything and write files, so take it from those that
    you trust. Files of torch.export are refused, as PyTorch 2.13 unpickles and evaluates what they hold.

    Raises:
        Error: no such file, not TorchScript, or a name that no column could have.
    """
    if path.suffix == ".pt2":
        raise Error(f"{path}: PyTorch would run code that a file of torch.export holds; {HOW}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Error(f"{path}: {error.strerror or error}") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            module = torch.jit.load(io.BytesIO(data), map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError):
        raise Error(f"{path}: not TorchScript, and a pickle is never opened here; {HOW}") from None
    sha256 = hashlib.sha256(f"{COMPUTATION} {hashlib.sha256(data).hexdigest()}".encode()).hexdigest()
    return ModuleNetwork(path.stem, module, device, sha256=sha256)
