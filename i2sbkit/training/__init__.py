"""Algorithm 1 (Liu et al. 2023) over photographs: the loop, its states, and the network in one process or in many."""

from .loop import train

__all__ = ["train"]
