"""Damage that comes with the data: nothing is simulated (`[data] paired = true`)."""

from dataclasses import dataclass

from torch import Generator, Tensor

import i2sbkit


@dataclass(frozen=True, kw_only=True)
class Paired(i2sbkit.Corruption):
    """Each clean picture brings its degraded one, so the bridge may lead between any two kinds of pictures.

    Args:
        scale: how many times smaller the degraded pictures are; lifted by repeating pixels.
    """

    scale: int = 1

    def __post_init__(self) -> None:
        if self.scale < 1:
            raise i2sbkit.Error(f"scale must be at least 1, got {self.scale}")

    def corrupt(self, x0: Tensor, rng: Generator) -> i2sbkit.Observation:
        """Refuse.

        Raises:
            NotSimulated: always; training takes the pairs from the data where `data.paired` is set.
        """
        raise i2sbkit.NotSimulated(
            "this damage comes with the data and cannot be simulated: train with data.paired = true on shards that "
            "`i2sbkit shards pack --paired` made"
        )

    def lift(self, y: i2sbkit.Observation, rng: Generator) -> Tensor:
        return y.image.repeat_interleave(self.scale, -2).repeat_interleave(self.scale, -1)


@i2sbkit.hookimpl
def corruptions() -> dict[str, type]:
    return {"paired": Paired}
