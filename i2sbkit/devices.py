"""Which device to work on."""

import torch

from .kernel.errors import Error


def pick_device(name: str | torch.device = "auto") -> torch.device:
    """The device of a name; "auto" is CUDA, else Apple's MPS, else the CPU.

    Raises:
        Error: there is no such device here, or it is neither a name nor a device.
    """
    if not isinstance(name, str | torch.device):
        raise Error(f'device is a name, such as "auto", "cpu" or "cuda:0", got {name!r}')
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros((), device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise Error(f"device {str(name)!r} cannot be used here ({reason}); --device cpu always can") from None
    return device


def own_device(name: str, local_rank: int) -> torch.device:
    """The device of a process beside others on its machine: a GPU of its own, or the CPU.

    Raises:
        Error: there is no such device, or none left for this process.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cuda", "cpu"):
        raise Error(f"--device {name}: each process takes a GPU of its own; leave it out, or say --device cpu")
    if name == "cpu":
        return torch.device(name)
    count = torch.cuda.device_count()
    if local_rank >= count:
        raise Error(f"process {local_rank} of this machine finds {count} GPUs; start no more processes than that")
    device = pick_device(f"cuda:{local_rank}")
    torch.cuda.set_device(device)
    return device
