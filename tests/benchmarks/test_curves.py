"""Areas against the definitions, counted pair by pair and threshold by threshold."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import curves
from benchmarks.curves import Tally, average_precision, roc_area
from benchmarks.scores import Scored

ONCE = np.ones((1, 1))
NAN = float("nan")


def scored(scores: tuple[float, ...], positive: tuple[int, ...]) -> Scored:
    return Scored(np.array(scores, np.float32), np.array(positive, np.bool_))


def auroc_by_pairs(item: Scored) -> float:
    scores = np.where(np.isnan(item.scores), -np.inf, item.scores)
    wins = [1.0 if p > n else 0.5 if p == n else 0.0 for p in scores[item.positive] for n in scores[~item.positive]]
    return float(np.mean(wins))


def precision_by_thresholds(item: Scored) -> float:
    scores = np.where(np.isnan(item.scores), -np.inf, item.scores)
    area, recall_before = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        told = scores >= threshold
        recall = (told & item.positive).sum() / item.positive.sum()
        area += (recall - recall_before) * (told & item.positive).sum() / told.sum()
        recall_before = recall
    return float(area)


CASES = [
    ((1, 2, 3, 4), (0, 0, 1, 1), 1.0),
    ((1, 2, 3, 4), (1, 1, 0, 0), 0.0),
    ((1, 3, 2, 4), (0, 0, 1, 1), 3 / 4),  # of four pairs only (3, 2) is the wrong way round
    ((5, 5, 5, 5), (0, 1, 0, 1), 1 / 2),
    ((1, 2, 2, 3), (0, 0, 1, 1), 3.5 / 4),  # one tie counts half
    ((-1, -3, -2), (1, 0, 0), 1.0),  # below 0 is a score like any other
    ((NAN, 1, 2), (1, 0, 0), 0.0),  # not looked at: lowest
    ((NAN, NAN), (1, 0), 1 / 2),
]


@pytest.mark.parametrize(("scores", "positive", "answer"), CASES)
def test_auroc_counts_the_pairs_won(scores: tuple[float, ...], positive: tuple[int, ...], answer: float) -> None:
    tally = Tally.of([scored(scores, positive)]).weighed(ONCE)
    assert roc_area(tally)[0] == pytest.approx(answer)
    assert roc_area(tally)[0] == pytest.approx(auroc_by_pairs(scored(scores, positive)))
    assert average_precision(tally)[0] == pytest.approx(precision_by_thresholds(scored(scores, positive)))


def test_precision_of_tied_scores_by_hand() -> None:
    # At 3: one of one. At 2: two of three. At 1: three of five.
    tally = Tally.of([scored((3, 2, 2, 1, 1), (1, 1, 0, 1, 0))]).weighed(ONCE)
    assert average_precision(tally)[0] == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


@pytest.mark.parametrize(("positive", "has_precision"), [((1, 1), True), ((0, 0), False), ((), False)])
def test_an_area_needs_both_kinds(positive: tuple[int, ...], has_precision: bool) -> None:
    tally = Tally.of([scored(tuple(float(i) for i in range(len(positive))), positive)]).weighed(ONCE)
    assert np.isnan(roc_area(tally)[0])
    assert np.isnan(average_precision(tally)[0]) == (not has_precision)


def test_a_weight_is_the_strip_as_often() -> None:
    rng = np.random.default_rng(1)
    strips = [Scored(rng.integers(0, 9, 20).astype(np.float32), rng.random(20) < 0.4) for _ in range(3)]
    weighed = Tally.of(strips).weighed(np.array([[1.0, 1, 1], [2, 0, 3]]))
    for row, picked in enumerate(([0, 1, 2], [0, 0, 2, 2, 2])):
        joined = Scored(
            np.concatenate([strips[i].scores for i in picked]), np.concatenate([strips[i].positive for i in picked])
        )
        assert roc_area(weighed)[row] == pytest.approx(auroc_by_pairs(joined))
        assert average_precision(weighed)[row] == pytest.approx(precision_by_thresholds(joined))


def test_many_scores_are_counted_at_fewer_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    positive = rng.random(3000) < 0.02
    item = Scored((rng.normal(0, 1, 3000) + 1.5 * positive).astype(np.float32), positive)
    monkeypatch.setattr(curves, "MOST_LEVELS", 100)
    tally = Tally.of([item])
    assert tally.positive.shape[1] <= 201
    assert (tally.positive.sum(), tally.negative.sum()) == (positive.sum(), (~positive).sum())
    assert roc_area(tally.weighed(ONCE))[0] == pytest.approx(auroc_by_pairs(item), abs=1 / 100)


def pro_by_thresholds(scores: np.ndarray, piece: np.ndarray, up_to: float) -> float:
    """Mean overlap of the pieces against the rate of false cells, on a fine grid of rates."""
    scores = np.where(np.isnan(scores), -np.inf, scores)
    rates, overlaps = [0.0], [0.0]
    for threshold in sorted(set(scores.tolist()), reverse=True):
        told = scores >= threshold
        rates.append(told[piece == 0].mean())
        overlaps.append(float(np.mean([told[piece == one].mean() for one in range(1, piece.max() + 1)])))
    fine = (np.arange(200_000) + 0.5) / 200_000 * up_to
    return float(np.interp(fine, rates, overlaps).mean())


def shares(piece: np.ndarray) -> np.ndarray:
    return np.where(piece > 0, 1 / np.bincount(piece)[piece], 0.0)


def test_pro_by_hand() -> None:
    # Ten good cells, a piece of four and one of one. The one comes before every good cell; half of the four at
    # the second good cell (rate 0.2, tied), the rest below all.
    good = np.arange(10, 0, -1).astype(np.float32)
    scores = np.concatenate([good, np.array([9, 9, -1, -1], np.float32), np.array([11], np.float32)])
    piece = np.array([0] * 10 + [1] * 4 + [2])
    tally = Tally.of([Scored(scores, piece > 0)], [shares(piece)]).weighed(ONCE)
    # Overlap 1/2 up to rate 0.1, rising to 3/4 at 0.2, staying there to 0.3.
    assert roc_area(tally, 0.3)[0] == pytest.approx((0.1 * 0.5 + 0.1 * 0.625 + 0.1 * 0.75) / 0.3)


@pytest.mark.parametrize("seed", range(4))
def test_pro_against_every_threshold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    piece = rng.integers(0, 4, 60) * (rng.random(60) < 0.5)
    piece[:3] = (1, 2, 3)
    scores = (rng.integers(0, 12, 60) + 3 * (piece > 0)).astype(np.float32)
    scores[rng.random(60) < 0.1] = np.nan
    tally = Tally.of([Scored(scores, piece > 0)], [shares(piece)]).weighed(ONCE)
    assert roc_area(tally, 0.3)[0] == pytest.approx(pro_by_thresholds(scores, piece, 0.3), abs=1e-4)
