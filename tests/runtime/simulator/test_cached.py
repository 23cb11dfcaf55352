"""Cloth from a stretch that repeats: the same defects, close to the same cloth."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.simulator.defects import Plant
from runtime.simulator.loom import Loom

WIDTH = 400


def make(**kwargs: object) -> Loom:
    return Loom(**{"style": "twill22", "width": WIDTH, "seed": 5, "cached": True} | kwargs)  # type: ignore[arg-type]


def test_lines_are_the_same_however_they_are_cut() -> None:
    whole = make(defects_per_100m=2000.0).lines(0, 4000)
    again = make(defects_per_100m=2000.0)
    for first, count in ((3990, 10), (0, 1), (1000, 700), (63, 2)):
        assert np.array_equal(again.lines(first, count), whole[first : first + count])
    far = 10**10 + 5
    assert np.array_equal(again.lines(far, 100), again.lines(far - 50, 150)[50:])


def test_truth_is_the_exact_looms() -> None:
    assert make(defects_per_100m=900.0).truth(0, 10_000) == make(cached=False, defects_per_100m=900.0).truth(0, 10_000)


@pytest.mark.parametrize("cls", ["hole", "oil_stain", "missing_pick"])
def test_defect_changes_its_box_and_nothing_else(cls: str) -> None:
    plant = Plant(cls, x_mm=41.0, y_m=0.7, size_mm=12.0)
    clean, loom = make(), make(defects=[plant])
    (truth,) = loom.truth(0, 10_000)
    change = loom.lines(3300, 400)[:, :, 0].astype(float) - clean.lines(3300, 400)[:, :, 0]
    inside = np.zeros(change.shape, bool)
    inside[truth.first_line - 3300 : truth.end_line - 3300, truth.x0_px : truth.x1_px] = True
    assert not change[~inside].any()
    exact = Loom("twill22", WIDTH, seed=5, defects=[plant]).lines(3300, 400)[:, :, 0].astype(float)
    plain = Loom("twill22", WIDTH, seed=5).lines(3300, 400)[:, :, 0].astype(float)
    assert change[inside].mean() == pytest.approx((exact - plain)[inside].mean(), rel=0.15)


def test_cloth_is_the_looms_in_grey_texture_and_weave() -> None:
    exact, cached = make(cached=False), make()
    body = (slice(None), slice(100, 300), 0)
    first, second = exact.lines(0, 4096)[body].astype(float), cached.lines(0, 4096)[body].astype(float)
    assert second.mean() == pytest.approx(first.mean(), rel=0.02)
    assert second.std() == pytest.approx(first.std(), rel=0.08)


def test_where_the_stretch_begins_again_nothing_is_seen() -> None:
    loom = make()
    period = next(n for n in range(1024, 4096, 64) if np.abs(columns(loom, n) - columns(loom, 0)).mean() < 5)
    lines = loom.lines(0, 2 * period + 200)[:, 60:-60, 0].astype(float)
    steps = np.abs(np.diff(lines, axis=0)).mean(axis=1)
    assert period < 4096 - 64
    assert steps[period - 1 : period + 20].max() < 1.1 * np.quantile(
        np.delete(steps, slice(period - 30, period + 30)), 0.99
    )


def columns(loom: Loom, first: int) -> np.ndarray:
    return loom.lines(first + 100, 64)[:, :, 0].astype(float)


def test_a_slow_gain_goes_over_the_repeats() -> None:
    loom = make()
    greys = [loom.lines(64 * n, 64)[:, 100:300].mean() for n in range(0, 400, 20)]
    assert 2.0 < np.ptp(greys) < 8.0
