from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bootstrap import ROUNDS, Estimate, drawn


def test_the_first_row_is_the_strips_themselves_and_kinds_keep_their_numbers() -> None:
    defective = [True, False, False, True, False]
    times = drawn(defective, seed=3)
    assert times.shape == (1 + ROUNDS, 5)
    assert times[0].tolist() == [1] * 5
    assert set(times[:, defective].sum(axis=1)) == {2}
    assert set(times[:, np.logical_not(defective)].sum(axis=1)) == {3}
    assert len(np.unique(times, axis=0)) > 10


def test_a_seed_draws_the_same_again() -> None:
    kinds = [False] * 6
    assert np.array_equal(drawn(kinds, 1), drawn(kinds, 1))
    assert not np.array_equal(drawn(kinds, 1), drawn(kinds, 2))


def test_an_interval_holds_ninety_five_per_cent() -> None:
    rounds = np.concatenate([[7.0], np.arange(1001.0), [np.nan]])
    estimate = Estimate.of(rounds)
    assert estimate is not None
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((7, 25, 975), abs=1)
    assert Estimate.of(np.array([np.nan, 1.0, 2.0])) is None
