"""The statistics against values that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from calibration.verdict.numbers import Noise, at_most, poisson_interval, rank_correlation, ranks


def noise_of(*pieces: tuple[np.ndarray, np.ndarray]) -> float:
    noise = Noise()
    for reference, found in pieces:
        noise.add(reference.astype(np.float32), found.astype(np.float32))
    return noise.sqnr_db


def test_a_tenth_of_the_deviation_is_20_db_whatever_the_level() -> None:
    rng = np.random.default_rng(0)
    signal, error = rng.normal(0, 1, 200_000), rng.normal(0, 0.1, 200_000)
    assert noise_of((signal, signal + error)) == pytest.approx(20, abs=0.05)
    assert noise_of((signal + 100, signal + 100 + error)) == pytest.approx(20, abs=0.05), "a level is no signal"
    assert noise_of((signal, signal + 0.1)) == pytest.approx(20, abs=0.05), "but a shift is noise"


def test_pieces_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(2, 1, 1000), rng.normal(2, 1, 1000)
    assert noise_of((a[:300], b[:300]), (a[300:], b[300:])) == pytest.approx(noise_of((a, b)))


def test_what_has_no_ratio() -> None:
    a = np.arange(5.0)
    assert noise_of((a, a)) == math.inf
    assert noise_of((np.ones(5), a)) == -math.inf
    assert math.isnan(noise_of())
    assert math.isnan(noise_of((a, np.array([0, 1, 2, 3, np.nan]))))


@pytest.mark.parametrize(
    ("b", "wanted"),
    [
        ([1, 2, 3, 4, 5], 1.0),
        ([1, 8, 27, 64, 125], 1.0),
        ([5, 4, 3, 2, 1], -1.0),
        ([2, 1, 4, 3, 5], 0.8),
        ([1, 1, 2, 2, 3], 0.9486833),
        ([7, 7, 7, 7, 7], math.nan),
        ([1, 2, 3, 4, np.nan], math.nan),
    ],
)
def test_rank_correlation(b: list[float], wanted: float) -> None:
    found = rank_correlation(np.arange(5, dtype=np.float32), np.array(b, np.float32))
    assert found == pytest.approx(wanted, nan_ok=True)


def test_equal_values_share_their_ranks() -> None:
    assert ranks(np.array([3, 1, 3, 0, 3], np.float32)).tolist() == [3, 1, 3, 0, 3]
    assert ranks(np.array([2, 2, 1], np.float32)).tolist() == [1.5, 1.5, 0]


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0, 3.6889), (1, 0.02532, 5.5716), (2, 0.2422, 7.2247), (10, 4.7954, 18.3904), (100, 81.364, 121.627)],
)
def test_exact_poisson_intervals(count: int, low: float, high: float) -> None:
    """Garwood's limits as tables of them print."""
    assert poisson_interval(count) == pytest.approx((low, high), rel=1e-4, abs=1e-9)


def test_the_poisson_distribution() -> None:
    assert at_most(0, 2.0) == pytest.approx(math.exp(-2))
    assert at_most(3, 1.5) == pytest.approx(math.exp(-1.5) * (1 + 1.5 + 1.5**2 / 2 + 1.5**3 / 6))
    assert at_most(3000, 100.0) == pytest.approx(1)
