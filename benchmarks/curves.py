"""Areas under curves from counts at score levels, for many weightings of the strips at once.

Counting each strip once and weighting the counts afterwards makes 500 bootstrap rounds over millions of cells
a matrix product. Where there are no more than 2 * MOST_LEVELS different scores the areas are exact; beyond, scores
between two levels count as equal, and an area is off by less than 1 / MOST_LEVELS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scores import Scored

MOST_LEVELS = 2000
"""Levels set by the scores of either kind."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """How many defective and good items each strip has at each level, highest first: float64 [strips, levels]."""

    positive: Floats
    negative: Floats

    @classmethod
    def of(cls, strips: Sequence[Scored], weights: Sequence[Floats] | None = None) -> Tally:
        """Count the items of each strip.

        Args:
            weights: what each positive item counts, [n] a strip; None: 1.
        """
        scores = [np.where(np.isnan(strip.scores), -np.inf, strip.scores) for strip in strips]
        together = np.concatenate([np.zeros(0, np.float32), *scores])
        positive = np.concatenate([np.zeros(0, np.bool_), *(strip.positive for strip in strips)])
        at = _levels(together, positive)
        counts = np.zeros((2, len(strips), at.size))
        for number, (strip, values) in enumerate(zip(strips, scores, strict=True)):
            level = at.size - np.searchsorted(at, values, side="right")
            weight = np.ones(level.size) if weights is None else weights[number]
            for kind, chosen in enumerate((strip.positive, ~strip.positive)):
                weighed = weight[chosen] if kind == 0 else None
                counts[kind, number] = np.bincount(level[chosen], weighed, minlength=at.size)
        return cls(counts[0], counts[1])

    def weighed(self, weights: Floats) -> Tally:
        """The counts of all strips together, under each weighting; [rounds, strips] -> [rounds, levels]."""
        return Tally(weights @ self.positive, weights @ self.negative)


def _levels(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Rising scores to count at, the lowest first; all there are, else as many quantiles of either kind."""
    found = np.unique(scores)
    if found.size <= 2 * MOST_LEVELS:
        return found
    kinds = [np.sort(scores[kind]) for kind in (positive, ~positive) if kind.any()]
    picked = [kind[np.linspace(0, kind.size - 1, MOST_LEVELS).astype(int)] for kind in kinds]
    return np.unique(np.concatenate([found[:1], *picked]))


def roc_area(tally: Tally, up_to: float = 1.0) -> Floats:
    """Area under the ROC curve over false-positive rates 0 to ``up_to``, divided by ``up_to``.

    With up_to 1 it is the AUROC: how often a positive scores above a negative, ties counting half. With positives
    weighted by their share of their piece of the mask and up_to 0.3 it is the PRO score of Bergmann et al. (IJCV
    129, 2021): the overlap's mean over all pieces of the data set, over thresholds.

    Returns:
        float64 [rounds], NaN where one of the two kinds is absent.
    """
    x, y = _rates(tally.negative), _rates(tally.positive)
    width = np.diff(x)
    taken = np.clip(up_to - x[:, :-1], 0, width)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(width > 0, taken / width, 0.0)
    middle = y[:, :-1] + part * np.diff(y) / 2
    area = (taken * middle).sum(axis=1) / up_to
    return np.where(np.isnan(x[:, -1] + y[:, -1]), np.nan, area)


def average_precision(tally: Tally) -> Floats:
    """Mean of the precision at each level over the recall won there (no interpolation); tied scores are one level.

    Returns:
        float64 [rounds], NaN where there is no positive.
    """
    true, false = np.cumsum(tally.positive, axis=1), np.cumsum(tally.negative, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(true > 0, true / (true + false), 0.0)
        return np.asarray((tally.positive * precision).sum(axis=1) / tally.positive.sum(axis=1))


def _rates(counts: Floats) -> Floats:
    """Share of the counts at or above each level, from 0 at no level; NaN where there are none."""
    sums = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / sums[:, -1:])
