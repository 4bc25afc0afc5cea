"""The features of a set of clean pictures that results are held against, computed once and kept."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..files import atomic
from ..images import from_uint8
from ..kernel.errors import Error
from ..metrics import Distribution, FeatureNetwork
from ..pairs import middle
from ..sources.photographs import read_photograph
from ..sources.shards import Index, open_index
from ..terminal import Bar

BATCH = 16


@dataclass(frozen=True)
class Reference:
    """Photographs in shards and folders, cut as those that are evaluated.

    Attributes:
        size, crop: see `cases.Cases`.
    """

    data: Sequence[str]
    size: int
    crop: str

    def check(self) -> None:
        """See that there can be features, before anything is measured.

        Raises:
            Error: there are not two pictures.
        """
        if len(open_index(self.data).samples) < 2:
            raise Error(f"--reference {', '.join(self.data)}: one picture is no set; give two, better thousands")

    def distributions(self, networks: Mapping[str, FeatureNetwork], device: torch.device) -> dict[str, Distribution]:
        """The features of all of them, by network; from the cache where they are known.

        Raises:
            Error: there are none, or one cannot be read.
        """
        index = open_index(self.data)
        content = _content(index)
        return {name: self._cached(index, content, network, device) for name, network in networks.items()}

    def _cached(self, index: Index, content: str, network: FeatureNetwork, device: torch.device) -> Distribution:
        """Keyed by what is in the pictures, how they are cut, and the network's own sum."""
        key = hashlib.sha256(repr((content, self.size, self.crop, network.sha256)).encode()).hexdigest()
        path = cache_folder() / f"{key}.safetensors"
        try:
            return Distribution.from_tensors(load_file(path))
        except (OSError, SafetensorError, KeyError):
            found = self._look(index, network, device)
        try:
            with atomic(path) as temporary:
                save_file(found.tensors(), temporary)
        except (OSError, SafetensorError) as error:
            warnings.warn(f"{path}: not kept for another time ({error}); I2SBKIT_CACHE names a folder", stacklevel=2)
        return found

    def _look(self, index: Index, network: FeatureNetwork, device: torch.device) -> Distribution:
        found = Distribution()
        with Bar(len(index.samples), 0, f"picture of the reference, {network.name}") as bar:
            for keys, images in self._batches(index):
                pooled = network.look(images.to(device)).pooled
                assert pooled is not None, "a network without features has no set columns"
                found.add(keys, pooled)
                bar.show(found.count, "")
        return found

    def _batches(self, index: Index) -> Iterator[tuple[list[str], torch.Tensor]]:
        size = BATCH if self.size else 1  # whole photographs differ in size
        for start in range(0, len(index.samples), size):
            samples = index.samples[start : start + size]
            photographs = [read_photograph(sample, paired=False, scale=1) for sample in samples]
            if self.size:
                photographs = [middle(photograph, self.size, self.crop) for photograph in photographs]
            keys = [f"{start + place} {sample.key}" for place, sample in enumerate(samples)]
            yield keys, torch.stack([from_uint8(photograph.clean) for photograph in photographs])


def cache_folder() -> Path:
    """Where features are kept: `$I2SBKIT_CACHE/statistics`, else in the user's cache folder."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("I2SBKIT_CACHE") or Path(caches) / "i2sbkit") / "statistics"


def _content(index: Index) -> str:
    """A sum over the bytes of all pictures."""
    digest = hashlib.sha256()
    for sample in index.samples:
        assert sample.picture is not None
        digest.update(hashlib.sha256(sample.picture.read()).digest())
    return digest.hexdigest()
