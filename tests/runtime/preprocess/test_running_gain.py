"""The gain that cloth shows: a flat field's age is learnt, told and corrected, a fault along the warp is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.preprocess.cloth import ClothFinder
from runtime.preprocess.flatfield import FlatField
from runtime.preprocess.running_gain import LIMIT, STALE, WINDOW_MM, RunningGain
from runtime.simulator.gains import StaleFlatField
from runtime.types import Float32, UInt8

WIDTH, ROWS = 2048, 100
WINDOW_ROWS = 200
MM_PER_LINE = WINDOW_MM / WINDOW_ROWS
END = slice(700, 704)
"""Columns of a fault along the warp."""


def aged(drift: float) -> Float32:
    return 1 + StaleFlatField(0, 1, drift=drift, seed=3).pattern(WIDTH)


def woven(light: Float32, seed: int = 0) -> UInt8:
    """A block of cloth: yarns at random, in this light."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(110, 25, (ROWS, WIDTH)) * light, 0, 255).astype(np.uint8)[:, :, None]


def flat(correct: bool, cloth: ClothFinder | None = None) -> tuple[FlatField, RunningGain]:
    running = RunningGain(MM_PER_LINE, cloth, correct)
    even = FlatField(np.zeros((WIDTH, 1), np.float32), np.ones((WIDTH, 1), np.float32))
    return replace(even, running=running), running


def run(field: FlatField, light: Float32, metres: float) -> UInt8:
    """So much cloth through the flat field; the last four blocks of it, corrected."""
    blocks = [woven(light, seed) for seed in range(4)]
    seen = [field.correct(blocks[n % 4]) for n in range(round(metres * 1000 / MM_PER_LINE) // ROWS)]
    return np.concatenate(seen[-4:])


def unevenness(pixels: UInt8) -> float:
    """Largest deviation of the columns' means over 64 px from their median, as a part of it."""
    means = pixels.mean(axis=(0, 2)).reshape(-1, 64).mean(axis=1)
    return float(np.abs(means / np.median(means) - 1).max())


def contrast(pixels: UInt8) -> float:
    """Of the fault against the columns beside it."""
    means = pixels.mean(axis=(0, 2))
    beside = np.concatenate([means[END.start - 40 : END.start - 8], means[END.stop + 8 : END.stop + 40]]).mean()
    return float(means[END].mean() / beside - 1)


@pytest.mark.parametrize("drift", [0.02, 0.08])
def test_what_the_flat_field_lacks_is_corrected_over_metres(drift: float) -> None:
    field, _ = flat(correct=True)
    before = unevenness(woven(aged(drift)))
    assert unevenness(run(field, aged(drift), 60)) < 0.2 * before + 0.004


def test_it_is_only_told_where_it_is_not_switched_on() -> None:
    field, running = flat(correct=False)
    light = aged(0.08)
    np.testing.assert_array_equal(
        run(field, light, 60)[-ROWS:], woven(light, (round(60_000 / MM_PER_LINE) // ROWS - 1) % 4)
    )
    news = running.take_news()
    assert news is not None
    assert news.stale
    assert abs(news.worst) > STALE
    assert running.take_news() is None
    assert abs(light[news.column] - 1) > 0.04
    run(field, aged(0.0), 60)
    news = running.take_news()
    assert news is not None
    assert not news.stale


def test_a_flat_field_in_order_is_not_told_of() -> None:
    field, running = flat(correct=True)
    run(field, aged(0.03), 60)
    assert running.take_news() is None


@pytest.mark.parametrize("depth", [-0.2, -0.05, 0.05])
@pytest.mark.parametrize("drift", [0.0, 0.08])
def test_a_fault_along_the_warp_keeps_its_contrast_however_long_it_is(drift: float, depth: float) -> None:
    field, _ = flat(correct=True)
    light = aged(drift)
    light[END] *= 1 + depth
    assert contrast(run(field, light, 40)) / contrast(np.concatenate([woven(light, n) for n in range(4)])) > 0.9


def test_no_column_is_corrected_by_more_than_the_limit_nor_fast() -> None:
    field, running = flat(correct=True)
    light = np.linspace(0.6, 1.4, WIDTH, dtype=np.float32)
    run(field, light, 2 * WINDOW_MM / 1000)
    assert np.abs(running.estimate - 1).max() == pytest.approx(0.01, abs=1e-4)
    run(field, light, 100)
    assert np.abs(running.estimate - 1).max() == pytest.approx(LIMIT, abs=1e-6)


def test_only_cloth_is_learnt_from() -> None:
    """Beside it lies a dark table, which no gain makes bright."""
    field, running = flat(correct=True, cloth=ClothFinder())
    light = aged(0.0)
    light[:500] = 0.1
    run(field, light, 40)
    assert np.abs(running.estimate - 1).max() < 0.01


def test_three_channels_share_one_gain() -> None:
    running = RunningGain(MM_PER_LINE, None, correct=True)
    field = FlatField(np.zeros((WIDTH, 3), np.float32), np.ones((WIDTH, 3), np.float32), running=running)
    light = aged(0.08)
    block = np.repeat(woven(light), 3, axis=2)
    for _ in range(60):
        corrected = field.correct(block)
    assert unevenness(corrected) < 0.5 * unevenness(block)
