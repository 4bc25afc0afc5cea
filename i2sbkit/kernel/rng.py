"""Random numbers that belong to an image, not to its batch."""

import hashlib
from collections.abc import Iterable, Iterator

import torch
from torch import Generator, Tensor


def derive_seed(*parts: object) -> int:
    """A 63-bit seed from any sequence of ints, strings and bytes; equal parts give equal seeds on every machine.

    Strings may be file names that are no UTF-8, as Python has them.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogateescape")
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return int.from_bytes(digest.digest(), "little") >> 1


class Rng:
    """One random stream for each image of a batch: what image k draws depends on seed k alone.

    Args:
        seeds: one integer an image.
        device: where normals are drawn. The default, the CPU, gives the same numbers on every machine, to
            the rounding of its vector instructions (2e-6).
    """

    def __init__(self, seeds: Iterable[int], device: torch.device | str = "cpu") -> None:
        self.seeds = tuple(seeds)
        self.device = torch.device(device)
        self._generators = [Generator(self.device).manual_seed(seed) for seed in self.seeds]

    def __len__(self) -> int:
        return len(self.seeds)

    def __iter__(self) -> Iterator[Generator]:
        """The generators, one an image: what `Corruption.corrupt` and `lift` draw from."""
        return iter(self._generators)

    def normal_like(self, x: Tensor) -> Tensor:
        """Standard normal noise of the shape, dtype and device of `x` (B, ...)."""
        self._check_batch(x.shape[0])
        fields = [torch.randn(x.shape[1:], generator=g, device=self.device, dtype=x.dtype) for g in self._generators]
        return torch.stack(fields).to(x.device)

    def integers(self, high: int) -> Tensor:
        """One integer an image, uniform in [0, high): (B,) int64."""
        draws = [torch.randint(high, (), generator=g, device=self.device) for g in self._generators]
        return torch.stack(draws)

    def child(self, name: str) -> "Rng":
        """An independent stream for each image; drawing from it leaves this one as it is."""
        return Rng((derive_seed(seed, name) for seed in self.seeds), self.device)

    def _check_batch(self, batch: int) -> None:
        if batch != len(self):
            raise ValueError(f"this Rng was made for {len(self)} images, the batch has {batch}")
