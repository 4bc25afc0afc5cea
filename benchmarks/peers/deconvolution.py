"""Deconvolution that is told the kernel: scikit-image's, and total variation in numpy.

All of them work on a period of the picture and its mirror images, or with a wide reflected border, so that none is
spoiled by the zeros or the wrap-around that they take for what lies beyond a picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import total_variation
from .mirrored import unfold
from .peer import Case, Peer, Restore, Source, as_floats, as_levels

SKIMAGE = Source(("scikit-image",), "pip install scikit-image")
NUMPY = Source(("numpy",), "pip install numpy")
BORDER = 32
WEIGHTS = tuple(float(f"{base}e{power}") for power in (-6, -5, -4, -3) for base in (1, 2, 5))


def by_channel(restore: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Restore:
    """A function of one channel (h, w) in [0, 1] and the kernel, for pictures."""

    def restored(case: Case) -> np.ndarray:
        assert case.kernel is not None
        channels = [restore(channel, case.kernel) for channel in np.moveaxis(as_floats(case.image), -1, 0)]
        return as_levels(np.stack(channels, axis=-1))

    return restored


def wiener(balance: float) -> Restore:
    """With the Laplacian for what pictures are like."""
    from skimage.restoration import wiener as deconvolve

    def restore(channel: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        found = deconvolve(unfold(channel), kernel, balance, clip=False)
        return found[: channel.shape[0], : channel.shape[1]]

    return by_channel(restore)


def unsupervised_wiener(_: None) -> Restore:
    """The same with the balance found in the picture itself (Orieux et al. 2010), by sampling with a fixed seed."""
    from skimage.restoration import unsupervised_wiener as deconvolve

    def restore(channel: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        found, _chain = deconvolve(unfold(channel), kernel, clip=False, rng=0)
        return found[: channel.shape[0], : channel.shape[1]]

    return by_channel(restore)


def richardson_lucy(iterations: int) -> Restore:
    """Multiplicative steps."""
    from skimage.restoration import richardson_lucy as deconvolve

    def restore(channel: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        bordered = np.pad(channel, BORDER, mode="reflect")
        return deconvolve(bordered, kernel, num_iter=iterations)[BORDER:-BORDER, BORDER:-BORDER]

    return by_channel(restore)


def variation(weight: float) -> Restore:
    """See `total_variation`."""
    return by_channel(lambda channel, kernel: total_variation.deconvolve(channel, kernel, weight))


KERNEL = "the kernel"
PEERS = [
    Peer("scikit-image Wiener", "blur", SKIMAGE, wiener, WEIGHTS, "balance", KERNEL, "on a mirrored period"),
    Peer(
        "scikit-image unsupervised Wiener",
        "blur",
        SKIMAGE,
        unsupervised_wiener,
        told=KERNEL,
        note="on a mirrored period; finds its balance itself",
    ),
    Peer(
        "scikit-image Richardson-Lucy",
        "blur",
        SKIMAGE,
        richardson_lucy,
        (5, 10, 20, 40, 80),
        "iterations",
        KERNEL,
        f"with a reflected border of {BORDER} pixels",
    ),
    Peer(
        "total variation",
        "blur",
        NUMPY,
        variation,
        WEIGHTS[2:6],
        "weight",
        KERNEL,
        f"benchmarks/peers/total_variation.py, {total_variation.STEPS} steps",
    ),
]
