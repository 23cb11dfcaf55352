"""The statistics of the verdict, with NumPy alone: SQNR, Spearman's rank correlation, Poisson intervals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from runtime.types import Float32

COVERED = 0.95
"""Share of cases in which an interval holds the true rate."""
HALVINGS = 80


class Noise:
    """Signal and noise of one map against another, added up piece by piece.

    The signal is what the reference varies about its own mean: a level that all cells share tells nothing of cloth,
    and a map with a large one would look quiet however noisy it is.
    """

    def __init__(self) -> None:
        self._cells = 0
        self._sum = self._squares = self._noise = 0.0

    def add(self, reference: Float32, found: Float32) -> None:
        """Two maps of the same cells, float32 [n] each."""
        exact = reference.astype(np.float64)
        self._cells += exact.size
        self._sum += float(exact.sum())
        self._squares += float((exact**2).sum())
        self._noise += float(((found - exact) ** 2).sum())

    @property
    def sqnr_db(self) -> float:
        """Ratio of signal to noise power in dB: inf without noise, NaN without cells or where a value was NaN."""
        if not self._cells:
            return math.nan
        signal = self._squares - self._sum**2 / self._cells
        if self._noise == 0:
            return math.inf
        return 10 * math.log10(signal / self._noise) if signal > 0 else -math.inf


def rank_correlation(a: Float32, b: Float32) -> float:
    """Spearman's rank correlation of [n] and [n], ties at their mean rank; NaN where one of them does not vary."""
    if a.size < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return math.nan
    x, y = (ranks(values) for values in (a, b))
    x, y = x - x.mean(), y - y.mean()
    power = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / power if power else math.nan


def ranks(values: Float32) -> NDArray[np.float64]:
    """Rank of each value, 0 for the lowest, equal values sharing the mean of theirs; [n]."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    return np.asarray((last - (counts - 1) / 2)[place.reshape(values.shape)])


def poisson_interval(count: int) -> tuple[float, float]:
    """Ends of the exact COVERED interval of a Poisson mean of which ``count`` was seen.

    F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28 (1936).
    """
    tail = (1 - COVERED) / 2
    low = 0.0 if count == 0 else _mean_where(lambda mean: 1 - at_most(count - 1, mean) < tail, count)
    return low, _mean_where(lambda mean: at_most(count, mean) > tail, count)


def at_most(count: int, mean: float) -> float:
    """Probability that a Poisson variable of a mean above 0 is no more than ``count``."""
    return math.fsum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(count + 1))


def _mean_where(below: Callable[[float], bool], count: int) -> float:
    """The mean up to which ``below`` holds, by halving."""
    low, high = 0.0, count + 10 * math.sqrt(count + 1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
