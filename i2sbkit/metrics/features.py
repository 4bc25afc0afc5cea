"""What a network sees in pictures."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..kernel.errors import Error


@dataclass(frozen=True)
class Look:
    """What a network made of a batch.

    Attributes:
        pooled: (B, D), or None where the network has no such output.
        maps: (B, C, h, w) each, of its stages; none where it gives none.
        classes: (B,) the most likely class, or None for a network that does not classify.
    """

    pooled: Tensor | None
    maps: tuple[Tensor, ...] = ()
    classes: Tensor | None = None


class FeatureNetwork(ABC):
    """A network to look at pictures with, together with its own preprocessing.

    Attributes:
        name: what stands for it in the names of columns.
        sha256: of what it computes with, weights and preprocessing; for keys of caches.
        least: the smallest side that it takes.
        heads: weights (C,) of the channels of each map in a perceptual distance; None for 1 each.
    """

    name: str
    sha256: str
    least: int = 1
    heads: tuple[Tensor, ...] | None = None

    @abstractmethod
    def look(self, images: Tensor) -> Look:
        """What it sees in (B, 3, H, W) in [-1, 1], in evaluation and inference mode.

        Raises:
            Error: it cannot take such pictures.
        """


class ModuleNetwork(FeatureNetwork):
    """Any module that takes (B, 3, H, W) float32 in [-1, 1] and does its own preprocessing.

    It gives a tensor, or several in a tuple or list, told apart by their shapes: the first of (B, D) is the pooled
    features, the second such the scores of classes, and those of (B, C, h, w) are maps for a perceptual distance.

    Args:
        name: of the network; letters, digits and any of `._-`.
        module: moved to `device`, and put in evaluation mode whenever it looks.
        sha256: of what it computes with. None takes it from the module's class and weights, so that a change in its
            code alone is not seen.
        least, heads: as for any network.

    Raises:
        Error: a name that no column could have.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        device: torch.device | str,
        *,
        sha256: str | None = None,
        least: int = 1,
        heads: Sequence[Tensor] | None = None,
    ) -> None:
        if not name.replace(".", "").replace("-", "").replace("_", "").isalnum():
            raise Error(f"network {name!r}: its name becomes a column's; use letters, digits and any of . _ -")
        self.name, self.least = name, least
        self.sha256 = sha256 or fingerprint(module)
        self.heads = None if heads is None else tuple(head.to(device) for head in heads)
        self._device = torch.device(device)
        self._module = module.to(device)

    @torch.inference_mode()
    def look(self, images: Tensor) -> Look:
        """What it sees in (B, 3, H, W) in [-1, 1].

        Raises:
            Error: the module fails on pictures of that size, or gives something else than is said above.
        """
        size = f"{images.shape[3]}x{images.shape[2]}"
        try:
            given = self._module.eval()(images.to(self._device, torch.float32))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise Error(f"network {self.name}: cannot look at pictures of {size}: {reason}") from None
        outputs = [given] if isinstance(given, Tensor) else given
        if not isinstance(outputs, tuple | list) or not all(_is_of_batch(one, len(images)) for one in outputs):
            raise Error(f"network {self.name}: must give tensors (B, D) or (B, C, h, w), or a tuple of such")
        flat = [one for one in outputs if one.ndim == 2]
        return Look(
            pooled=flat[0].float() if flat else None,
            maps=tuple(one.float() for one in outputs if one.ndim == 4),
            classes=flat[1].argmax(1) if len(flat) > 1 else None,
        )


def fingerprint(module: nn.Module) -> str:
    """A SHA-256 of a module's class and of the names, shapes and bytes of its weights."""
    kind = type(module)
    digest = hashlib.sha256(f"{kind.__module__}.{kind.__qualname__}".encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _is_of_batch(output: object, size: int) -> bool:
    return isinstance(output, Tensor) and output.ndim in (2, 4) and len(output) == size
