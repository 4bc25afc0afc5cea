"""What a user would pick instead of the bundled weights; a file a family."""

from . import deconvolution, ffmpeg, holes, networks, ours, pillow
from .peer import Case, Missing, Peer

ALL: list[Peer] = [
    *ours.PEERS,
    *pillow.PEERS,
    *deconvolution.PEERS,
    *holes.PEERS,
    *ffmpeg.PEERS,
    *networks.PEERS,
]

__all__ = ["ALL", "Case", "Missing", "Peer"]
