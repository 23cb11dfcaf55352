"""How far a measure might lie elsewhere had other strips of the same cloth been at hand.

Strips are drawn with replacement, defective and normal ones each among themselves: their numbers were chosen, not
found. Cells and tiles of one strip go together, since they are no independent witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.curves import Floats

ROUNDS = 500
COVERED = 95.0
"""Per cent of the rounds that lie in an interval."""


@dataclass(frozen=True)
class Estimate:
    """A measure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, rounds: Floats) -> Estimate | None:
        """From the measure itself, first, and its rounds, [1 + ROUNDS]; None where it is NaN.

        Rounds in which it cannot be told are left out.
        """
        if np.isnan(rounds[0]):
            return None
        low, high = np.nanpercentile(rounds, [50 - COVERED / 2, 50 + COVERED / 2])
        return cls(float(rounds[0]), float(low), float(high))


def drawn(defective: Sequence[bool], seed: int) -> Floats:
    """How often each strip counts: once each in the first row, then ROUNDS draws; float64 [1 + ROUNDS, strips]."""
    rng = np.random.default_rng(seed)
    times = np.ones((1 + ROUNDS, len(defective)))
    for kind in (False, True):
        which = np.flatnonzero(np.array(defective, np.bool_) == kind)
        if which.size:
            times[1:, which] = rng.multinomial(which.size, np.full(which.size, 1 / which.size), ROUNDS)
    return times
