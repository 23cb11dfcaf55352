"""The tail: known distributions are found again, and intervals hold what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest

from calibration.tail import Float64, Tail, dispersion_of, excess_beyond, fit, plausible_means, survival

LEVEL, SCALE = 2.0, 0.5
PEAKS, METRES = 80, 40.0
"""200 peaks per 100 m."""


def drawn(shape: float, count: int, seed: int) -> Float64:
    """Peaks whose excesses are of the distribution with SCALE and a shape."""
    shares = np.random.default_rng(seed).uniform(size=count)
    return LEVEL + excess_beyond(shares, np.array(SCALE), np.array(shape))


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3])
def test_scale_and_shape_are_found_again(shape: float) -> None:
    tail = fit(drawn(shape, 4000, 1), LEVEL, METRES)
    assert tail.shape == pytest.approx(shape, abs=0.05)
    assert tail.scale == pytest.approx(SCALE, rel=0.05)
    assert tail.peaks_per_100m == 4000 / METRES * 100


def test_the_fit_is_the_likeliest_one() -> None:
    """Against all scales and shapes on a coarse grid, with the density written out."""
    peaks = drawn(0.1, PEAKS, 2)
    tail = fit(peaks, LEVEL, METRES)

    def likelihood(scale: float, shape: float) -> float:
        inside = 1 + shape * (peaks - LEVEL) / scale
        return float(np.log(inside ** (-1 / shape - 1) / scale).sum()) if (inside > 0).all() else -math.inf

    best = likelihood(tail.scale, tail.shape or 1e-9)
    for scale in np.linspace(0.2, 1.2, 51):
        for shape in np.linspace(-0.495, 0.995, 75):
            assert likelihood(scale, shape) <= best + 2e-3


def test_peaks_at_or_below_the_level_count_for_nothing() -> None:
    peaks = drawn(0.0, PEAKS, 3)
    with_more = fit(np.concatenate([peaks, [LEVEL, LEVEL - 1]]), LEVEL, METRES)
    assert (with_more.scale, with_more.shape) == (fit(peaks, LEVEL, METRES).scale, fit(peaks, LEVEL, METRES).shape)
    assert len(with_more.excesses) == PEAKS


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2])
def test_thresholds_and_rates_are_each_others_inverse(shape: float) -> None:
    tail = Tail(LEVEL, METRES, np.ones(PEAKS), SCALE, shape)
    assert tail.threshold(200) == pytest.approx(LEVEL)
    for rate in (0.01, 0.5, 5, 199):
        assert tail.per_100m(tail.threshold(rate)) == pytest.approx(rate)
    with pytest.raises(ValueError, match="only 200 peaks per 100 m"):
        tail.threshold(201)


def test_the_exponential_tail_is_the_textbooks() -> None:
    tail = Tail(LEVEL, METRES, np.ones(PEAKS), SCALE, 0.0)
    assert tail.threshold(2.0) == pytest.approx(LEVEL + SCALE * math.log(100))
    assert survival(1.0, np.array(SCALE), np.array([0.0, 1e-9])) == pytest.approx(math.exp(-2))


def test_beyond_the_end_of_a_bounded_tail_there_is_nothing() -> None:
    tail = Tail(LEVEL, METRES, np.ones(PEAKS), SCALE, -0.25)
    assert tail.per_100m(LEVEL + SCALE / 0.25 + 0.01) == 0
    assert tail.threshold(1e-9) < LEVEL + SCALE / 0.25


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2])
def test_intervals_hold_the_truth_about_as_often_as_they_say(shape: float) -> None:
    asked, rounds = 0.5, 40
    truth = LEVEL + float(excess_beyond(np.array(asked / 200), np.array(SCALE), np.array(shape)))
    held = np.zeros(2)
    for seed in range(rounds):
        count = np.random.default_rng(seed).poisson(PEAKS)
        tail = fit(drawn(shape, count, seed), LEVEL, METRES)
        for which, (value, (low, high)) in enumerate(
            [(asked, tail.rate_interval(truth)), (truth, tail.threshold_interval(asked))]
        ):
            held[which] += low <= value <= high
    assert (held >= 35).all(), "95 % of 40 are 38; 34 or fewer have a chance of 1 in 70"


def test_more_cloth_narrows_an_interval_and_rolls_that_differ_widen_it() -> None:
    few, many = (fit(drawn(0.0, count, 5), LEVEL, count / 2) for count in (80, 800))
    uneven = fit(drawn(0.0, 80, 5), LEVEL, 40.0, dispersion=4.0)

    def width(tail: Tail) -> float:
        low, high = tail.rate_interval(LEVEL + 1)
        assert low < tail.per_100m(LEVEL + 1) < high
        return math.log(high / low)

    assert width(many) < 0.5 * width(few)
    assert width(uneven) > 1.5 * width(few)


@pytest.mark.parametrize(
    ("counts", "metres", "expected"),
    [
        ([7], [3.0], 1),
        ([0, 0], [1.0, 1.0], 1),
        ([10, 10], [5.0, 5.0], 1),
        ([10, 20], [1.0, 2.0], 1),
        ([5, 15], [1, 1], 5),
    ],
)
def test_how_much_rolls_differ(counts: list[int], metres: list[float], expected: float) -> None:
    assert dispersion_of(counts, metres) == pytest.approx(expected)


def test_plausible_means_lie_where_the_likelihood_has_fallen_by_the_slack() -> None:
    slack = np.array([0.0, 1.92])
    low, high = plausible_means(10, slack)
    assert (low[0], high[0]) == (pytest.approx(10), pytest.approx(10))
    for mean in (low[1], high[1]):
        assert 10 * math.log(mean / 10) - (mean - 10) == pytest.approx(-1.92, abs=1e-6)


@pytest.mark.parametrize(("peaks", "metres"), [([], 1.0), ([2.5], 1.0), ([2.5, 2.6], 0.0)])
def test_too_little_for_a_tail(peaks: list[float], metres: float) -> None:
    with pytest.raises(ValueError, match="too few for a tail"):
        fit(np.array(peaks), LEVEL, metres)
