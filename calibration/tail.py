"""How often chance goes beyond a threshold: peaks over a level, their excesses a generalised Pareto distribution.

A peak over the level comes at a rate that the cloth shows; that it also goes beyond a threshold has the probability
(1 + shape * excess / scale) ** (-1 / shape). Fit and intervals are those of maximum and of profile likelihood.

J. Pickands, Statistical inference using extreme order statistics, Annals of Statistics 3 (1975); S. Coles, An
Introduction to Statistical Modeling of Extreme Values, Springer (2001), chapter 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

SHAPES: Float64 = np.arange(-50, 101) / 100
"""Shapes that are tried. Below -0.5 maximum likelihood has no meaning (R. L. Smith, Biometrika 72 (1985)); above 1 a
tail has no mean."""
SPREADS: Float64 = np.exp(np.linspace(-1.5, 1.5, 301))
"""Scales that are tried, in multiples of the best one of their shape."""
HALVINGS = 60
HALF_CHI_SQUARE = 1.9207
"""Half the 0.95 quantile of chi square with one degree of freedom: how much less likely than the best one a tail may
be to lie in a 95 % interval."""


@dataclass(frozen=True)
class Tail:
    """Peaks of ``metres`` of cloth over a level, and the distribution that fits their excesses best.

    Attributes:
        level: above which peaks were taken.
        excesses: float64 [peaks], peaks less the level, above 0.
        scale, shape: of the generalised Pareto distribution; an exponential one has shape 0.
        dispersion: how much more the rolls' numbers of peaks differ than chance makes them; intervals grow by its root.
    """

    level: float
    metres: float
    excesses: Float64
    scale: float
    shape: float
    dispersion: float = 1.0

    @property
    def peaks_per_100m(self) -> float:
        """How often a peak goes beyond the level."""
        return 100 * len(self.excesses) / self.metres

    def per_100m(self, threshold: float) -> float:
        """How often a peak goes beyond a threshold at or above the level."""
        share = survival(threshold - self.level, np.array(self.scale), np.array(self.shape))
        return self.peaks_per_100m * float(share)

    def threshold(self, per_100m: float) -> float:
        """The threshold beyond which so many peaks go; at most as many as go beyond the level.

        Raises:
            ValueError: more than go beyond the level.
        """
        if per_100m > self.peaks_per_100m:
            raise ValueError(f"only {self.peaks_per_100m:g} peaks per 100 m go beyond the level")
        share = np.array(per_100m / self.peaks_per_100m)
        return self.level + float(excess_beyond(share, np.array(self.scale), np.array(self.shape)))

    def rate_interval(self, threshold: float) -> tuple[float, float]:
        """Ends of the 95 % interval of the rate per 100 m at which peaks go beyond a threshold."""
        scales, shapes, counts = self._plausible
        rates = 100 / self.metres * counts * survival(threshold - self.level, scales, shapes)
        return float(rates.min()), float(rates.max())

    def threshold_interval(self, per_100m: float) -> tuple[float, float]:
        """Ends of the 95 % interval of the threshold beyond which so many peaks per 100 m go."""
        scales, shapes, counts = self._plausible
        far = excess_beyond(np.minimum(per_100m * self.metres / 100 / counts, 1), scales, shapes)
        return self.level + float(far.min()), self.level + float(far.max())

    @cached_property
    def _plausible(self) -> tuple[Float64, Float64, Float64]:
        """Scales, shapes and mean counts of peaks over the level that are plausible; float64 [n] each.

        Their log likelihood is within HALF_CHI_SQUARE, times the dispersion, of the best. The range of what follows
        from them is its profile likelihood interval. Of the counts only the lowest and the highest of each scale and
        shape are there: all that is asked of a tail rises with them.
        """
        scales = best_scales(self.excesses)[:, None] * SPREADS
        rows = [log_likelihood(self.excesses, row, shape) for row, shape in zip(scales, SHAPES, strict=True)]
        found = np.array(rows)
        slack = found - found.max() + HALF_CHI_SQUARE * self.dispersion
        inside = slack >= 0
        shapes = np.broadcast_to(SHAPES[:, None], scales.shape)[inside]
        low, high = plausible_means(len(self.excesses), slack[inside])
        return np.tile(scales[inside], 2), np.tile(shapes, 2), np.concatenate([low, high])


def fit(peaks: Float64, level: float, metres: float, dispersion: float = 1.0) -> Tail:
    """The distribution that makes the peaks likeliest.

    Args:
        peaks: float64 [n], at least 2 of them above the level; others are left out.

    Raises:
        ValueError: fewer than 2 peaks above the level, or no cloth.
    """
    excesses = np.sort(peaks[peaks > level] - level)
    if len(excesses) < 2 or metres <= 0:
        raise ValueError(f"{len(excesses)} peaks in {metres:g} m are too few for a tail")
    scales = best_scales(excesses)
    likelihoods = [log_likelihood(excesses, *pair) for pair in zip(scales[:, None], SHAPES, strict=True)]
    best = int(np.argmax(likelihoods))
    return Tail(level, metres, excesses, float(scales[best]), float(SHAPES[best]), dispersion)


def dispersion_of(counts: Sequence[int], metres: Sequence[float]) -> float:
    """Pearson's chi square of the rolls' counts by its degrees of freedom, at least 1; 1 where there is one roll.

    P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd edition, Chapman and Hall (1989), section 6.2.3.
    """
    if len(counts) < 2 or not sum(counts):
        return 1.0
    expected = np.array(metres) * sum(counts) / sum(metres)
    return max(1.0, float(((counts - expected) ** 2 / expected).sum()) / (len(counts) - 1))


def best_scales(excesses: Float64) -> Float64:
    """The likeliest scale of each of SHAPES, by halving: the likelihood's slope falls with the scale.

    Args:
        excesses: float64 [n].
    """
    y = excesses[:, None]
    low = np.maximum(-SHAPES * excesses.max(), 0) + 1e-12 * excesses.max()
    high = low + 100 * excesses.max()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        rises = (1 + SHAPES) * (y / (middle + SHAPES * y)).sum(axis=0) > len(excesses)
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return high


def log_likelihood(excesses: Float64, scales: Float64, shape: float) -> Float64:
    """Of scales, float64 [m]; -inf where an excess is impossible.

    Args:
        excesses: float64 [n].
    """
    ratio = excesses[:, None] / scales
    if shape == 0:
        found: Float64 = -len(excesses) * np.log(scales) - ratio.sum(axis=0)
        return found
    inside = 1 + shape * ratio
    logs = np.log(inside, out=np.full_like(inside, np.inf), where=inside > 0)
    found = -len(excesses) * np.log(scales) - (1 + 1 / shape) * logs.sum(axis=0)
    return np.where((inside > 0).all(axis=0), found, -np.inf)


def survival(excess: float, scales: Float64, shapes: Float64) -> Float64:
    """Probability of going beyond an excess of 0 or more; 0 beyond the end of a distribution that has one."""
    bent = np.where(shapes == 0, 1, shapes)
    inside = np.maximum(1 + bent * excess / scales, 0)
    logs = np.log(inside, out=np.full_like(inside, -np.inf), where=inside > 0)
    found: Float64 = np.exp(np.where(shapes == 0, -excess / scales, -logs / bent))
    return np.where(inside > 0, found, 0.0)


def excess_beyond(shares: Float64, scales: Float64, shapes: Float64) -> Float64:
    """The excess beyond which shares of the distributions lie."""
    bent = np.where(shapes == 0, 1, shapes)
    found: Float64 = scales * np.where(shapes == 0, -np.log(shares), np.expm1(-bent * np.log(shares)) / bent)
    return found


def plausible_means(count: int, slack: Float64) -> tuple[Float64, Float64]:
    """Lowest and highest Poisson means under which a count is less likely than at best by no more than ``slack``.

    Args:
        count: above 0. slack: of the log likelihood, float64 [n], 0 or more.
    """
    ends = []
    for inner, outer in ((count, 1e-9), (count, 3.0 * count + 30)):
        near, far = np.full_like(slack, inner), np.full_like(slack, outer)
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            fits = count * np.log(middle / count) - (middle - count) >= -slack
            near, far = np.where(fits, middle, near), np.where(fits, far, middle)
        ends.append(near)
    return ends[0], ends[1]
