"""What is measured of each picture: against the clean one, against what was observed, and between draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..images import from_uint8, to_uint8
from ..kernel.errors import Error, NotLinear
from ..kernel.interfaces import Corruption, Operator
from ..metrics import Prepared, Scorer, psnr
from .cases import Case

CONSISTENCY = "consistency"
LEVELS = 127.5
"""8-bit levels in a unit of [-1, 1]."""
OF_DRAWS: Mapping[str, bool | None] = {"psnr_rgb_of_mean": True, "error": False, "spread": None, "calibration": None}
"""What several draws of a picture have besides, and whether higher is better."""


@dataclass(frozen=True)
class Judged:
    """The numbers of one picture in one arm.

    Attributes:
        values: by column.
        pooled: the features (D,) by network, for sets of pictures; of several draws the first one's, so that the sets
            of all arms are of one size and hold no two results of one picture.
    """

    values: Mapping[str, float]
    pooled: Mapping[str, Tensor]


class Judge:
    """Measures pictures as files would hold them: clamped, and rounded to 8 bits.

    Args:
        samples: draws a picture; of more than one each metric is the mean over the draws, and there are `OF_DRAWS`.

    Attributes:
        higher_is_better: of all columns that there can be, in the table's order; `consistency` only where the
            corruption of the data is linear.
    """

    def __init__(self, scorer: Scorer, corruption: Corruption, samples: int) -> None:
        self.scorer, self._corruption, self._samples = scorer, corruption, samples
        of_draws = OF_DRAWS if samples > 1 else {}
        self.higher_is_better: dict[str, bool | None] = {**scorer.higher_is_better, **of_draws, CONSISTENCY: False}

    @property
    def columns(self) -> list[str]:
        """Those that a picture has a value of."""
        return [name for name in self.higher_is_better if name not in self.scorer.set_columns]

    def prepared(self, case: Case) -> Prepared:
        """Look at a clean picture, once for all arms."""
        self.scorer.check(*case.clean.shape[1:])
        return self.scorer.prepared(case.clean, case.label)

    def of_input(self, case: Case, prepared: Prepared) -> Judged:
        """The observation itself: as it is, or enlarged to the size of the clean picture as `lift` does."""
        score = self.scorer.score(_eight_bits(self.shown(case)), prepared)
        return Judged(score.values, score.pooled)

    def shown(self, case: Case) -> Tensor:
        """The observation as a picture of the clean one's size (C, H, W)."""
        y = case.observation
        return y.image if self._corruption.scale == 1 else self._corruption.lift(y, torch.Generator().manual_seed(0))

    def of_draws(self, case: Case, prepared: Prepared, draws: Sequence[Tensor]) -> Judged:
        """Restored pictures (C, H, W), as many as there are draws.

        Raises:
            Error: one holds infinity or nan.
        """
        if not all(draw.isfinite().all() for draw in draws):
            what = "what was restored is not finite; `i2sbkit weights check` looks at the weights"
            raise Error(f"{case.key}: {what}, --precision fp32 keeps from overflows")
        rounded = [_eight_bits(draw) for draw in draws]
        scores = [self.scorer.score(draw, prepared) for draw in rounded]
        values = {name: sum(s.values[name] for s in scores) / len(scores) for name in scores[0].values}
        if self._samples > 1:
            values |= between_draws(torch.stack(rounded), case.clean)
        operator = self._operator(case)
        if operator:
            distances = [_levels(_rms(_residual(operator, draw, case.observation.image))) for draw in rounded]
            values[CONSISTENCY] = sum(distances) / len(distances)
        return Judged(values, scores[0].pooled)

    def _operator(self, case: Case) -> Operator | None:
        try:
            return self._corruption.operator(case.observation)
        except NotLinear:
            return None


def between_draws(draws: Tensor, clean: Tensor) -> dict[str, float]:
    """What draws (K, C, H, W) say together of a clean picture (C, H, W); `error` and `spread` in 8-bit levels.

    `error` is the root mean square error of their mean, `spread` what it would be if the clean picture were one more
    draw: the draws' standard deviation times sqrt(1 + 1 / K). `calibration` is error / spread: 1 where the draws vary
    as much as they err, more where they are too sure of themselves, and none where all draws are equal.
    """
    mean = draws.mean(dim=0)
    error = _rms(mean - clean)
    spread = float(draws.double().var(dim=0).mean().sqrt()) * (1 + 1 / len(draws)) ** 0.5
    found = {"psnr_rgb_of_mean": psnr(mean, clean), "error": _levels(error), "spread": _levels(spread)}
    return found | ({"calibration": error / spread} if spread > 0 else {})


def _residual(operator: Operator, x: Tensor, y: Tensor) -> Tensor:
    return operator.A(x) + operator.offset - y


def _rms(x: Tensor) -> float:
    return float(x.double().square().mean().sqrt())


def _levels(value: float) -> float:
    return value * LEVELS


def _eight_bits(image: Tensor) -> Tensor:
    return from_uint8(to_uint8(image))
