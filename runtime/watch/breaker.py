"""The circuit breaker: a map that calls a great part of the cloth defective is not told defect by defect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.types import ScoreMap


@dataclass(frozen=True)
class Breaker:
    """When a strip is too much.

    Attributes:
        hot: map value from which a cell counts as defective.
        share: of a strip's cells that trips it. back: what it has to fall below again.
    """

    hot: float
    share: float = 0.2
    back: float = 0.05

    def trips(self, strip: ScoreMap, tripped: bool) -> bool:
        """Is it too much, or still too much?"""
        cloth = np.isfinite(strip.values)
        count = int(cloth.sum())
        hot = int((strip.values[cloth] >= self.hot).sum())
        return count > 0 and hot > count * (self.back if tripped else self.share)
