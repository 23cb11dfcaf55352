"""Shares and rates with 95 % intervals that hold for small counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from calibration.verdict.numbers import poisson_interval

Z = 1.959964
"""The normal distribution's two-sided 95 % quantile."""


@dataclass(frozen=True)
class Share:
    """``count`` of ``total`` independent trials."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """None where there was no trial."""
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval: E. B. Wilson, Journal of the American Statistical Association 22 (1927)."""
        if not self.total:
            return 0.0, 1.0
        n, p = self.total, self.count / self.total
        middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __add__(self, other: Share) -> Share:
        return Share(self.count + other.count, self.total + other.total)

    def __str__(self) -> str:
        if not self.total:
            return "-"
        low, high = self.interval
        return f"{self.count}/{self.total} ({low:.2f}-{high:.2f})"


@dataclass(frozen=True)
class Rate:
    """``count`` events in ``amount`` of something, told per ``per`` of it.

    Attributes:
        amount: metres, picks; 0 where none was seen.
    """

    count: int
    amount: float
    per: float

    @property
    def value(self) -> float | None:
        """None where nothing was seen."""
        return self.count * self.per / self.amount if self.amount else None

    @property
    def interval(self) -> tuple[float, float]:
        """Garwood's exact interval of a Poisson count, which takes events for independent."""
        if not self.amount:
            return 0.0, math.inf
        low, high = (end * self.per / self.amount for end in poisson_interval(self.count))
        return low, high

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        low, high = self.interval
        return f"{self.value:.2f} ({low:.2f}-{high:.2f}; {self.count} counted)"
