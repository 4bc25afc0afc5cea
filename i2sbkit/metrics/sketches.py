"""A sample of features that depends on the set of pictures alone, not on their order or on who counted which."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from ..kernel.errors import Error

LARGEST = 2048
"""Pictures that a sample holds: those whose keys have the smallest hashes."""


def hashes_of(keys: Sequence[str]) -> Tensor:
    """(B,) int64, alike to random numbers; the same on every machine."""
    digests = (hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).digest() for key in keys)
    return torch.tensor([int.from_bytes(digest, "big", signed=True) for digest in digests], dtype=torch.int64)


class Sketch:
    """The features of the pictures with the smallest hashes, in the order of these (a bottom-k sketch).

    Attributes:
        hashes: (n,) int64, rising.
        features: (n, D) float32, n at most `LARGEST`.
    """

    def __init__(self, hashes: Tensor | None = None, features: Tensor | None = None) -> None:
        self.hashes = torch.zeros(0, dtype=torch.int64) if hashes is None else hashes
        self.features = torch.zeros(0, 0) if features is None else features

    def with_more(self, hashes: Tensor, features: Tensor) -> Sketch:
        """The sketch of all pictures, these and more.

        Raises:
            Error: a hash that is there already.
        """
        if len(self.hashes) == LARGEST:  # most pictures of a large set change nothing
            small = hashes <= self.hashes[-1]
            hashes, features = hashes[small], features[small]
        if not len(hashes):
            return self
        if len(self.hashes):
            hashes, features = torch.cat([self.hashes, hashes]), torch.cat([self.features, features])
        hashes, order = hashes.sort()
        if bool((hashes[1:] == hashes[:-1]).any()):
            raise Error("a picture was counted twice in one set; give each a key of its own")
        return Sketch(hashes[:LARGEST].clone(), features[order[:LARGEST]])

    def kernel(self, other: Sketch) -> float:
        """See `Distribution.kernel`."""
        within = sum(_mean_kernel(one, one) for one in (self, other))
        return within - 2 * _mean_kernel(self, other)


def _mean_kernel(a: Sketch, b: Sketch) -> float:
    """The mean of (x . y / D + 1)^3 over all pairs of different keys."""
    products = a.features.double() @ b.features.double().T / a.features.shape[1]
    different = a.hashes.view(-1, 1) != b.hashes
    return float((products + 1).pow(3)[different].mean())
