"""The gain of the columns as cloth shows it: what a flat field that grows old no longer corrects.

Lamp and lens change over weeks, and smoothly over the width. Cloth is even over metres; so what is left of a slope in
the columns' means over metres of it is the flat field's. What is narrow is not: dust, and faults along the warp however
long. They must not be learnt away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.preprocess.cloth import ClothFinder
from runtime.types import Float32, UInt8

WINDOW_MM = 2000.0
"""Cloth that one look is of."""
BIN_PX = 8
"""Columns that are taken together: the weave evens out, and there is less to fit."""
LEAST_BINS = 32
"""Narrower cloth says nothing of slopes."""
WAVES = 4
"""The finest slope that is followed, in waves over the width."""
ROUNDS = 25
LEAST_LEVEL = 1.0
"""Grey levels: below it there is no light to compare."""
LEAST_DEVIATION = 1e-3
"""Part of the level; smaller ones weigh alike."""
FOLLOW, MOST_STEP = 0.25, 0.005
"""Each look moves the estimate by this part of what it lacks, and by no more than so much."""
LIMIT = 0.10
"""No column is corrected by more: a flat field that is worse must be captured again."""
STALE, WELL = 0.05, 0.04
"""Beyond the first the flat field is told of, within the second it is well again."""


@dataclass(frozen=True)
class Drift:
    """How far the columns are from what the flat field makes even.

    Attributes:
        stale: beyond STALE; else well again.
        worst: the largest deviation of a column's gain from 1, signed. column: where.
    """

    stale: bool
    worst: float
    column: int


class RunningGain:
    """Learns from one camera's corrected lines.

    Args:
        mm_per_line: of its cloth.
        cloth: finds the cloth's columns; None where all are.
        correct: let the references be corrected by what was learnt; else it is only told.
    """

    def __init__(self, mm_per_line: float, cloth: ClothFinder | None, correct: bool) -> None:
        self._window_lines = max(1, round(WINDOW_MM / mm_per_line))
        self._cloth, self._correct = cloth, correct
        self._sum = np.zeros(0, np.float64)
        self._lines = 0
        self._estimate: Float32 = np.zeros(0, np.float32)
        self._stale = False
        self._news: Drift | None = None
        self._applied: tuple[Float32, Float32] | None = None

    @property
    def estimate(self) -> Float32:
        """What the references' gain lacks, float32 [width]; empty before the first line."""
        return self._estimate

    def applied(self, gain: Float32, offset: Float32) -> tuple[Float32, Float32]:
        """The references' gain and offset, float32 [rows, width * channels], as they are to be used now."""
        if not self._correct or not len(self._estimate):
            return gain, offset
        if self._applied is None:
            own = np.repeat(self._estimate, gain.shape[1] // len(self._estimate))
            self._applied = gain * own, offset * own
        return self._applied

    def learn(self, corrected: UInt8) -> None:
        """Take in lines, uint8 [rows, width, channels], as the references and what was learnt left them."""
        width = corrected.shape[1]
        if len(self._sum) != width:
            self._sum, self._lines = np.zeros(width), 0
            self._estimate = np.ones(width, np.float32)
        self._sum += corrected.mean(axis=2).sum(axis=0) if corrected.shape[2] > 1 else corrected[:, :, 0].sum(axis=0)
        self._lines += len(corrected)
        if self._lines >= self._window_lines:
            region = self._cloth.find(corrected) if self._cloth else (0, width)
            if region is not None:
                self._look(self._sum / self._lines, region)
            self._sum[:], self._lines = 0.0, 0

    def take_news(self) -> Drift | None:
        """Whether the flat field became stale, or well again, since the last call."""
        news, self._news = self._news, None
        return news

    def _look(self, means: np.ndarray, region: tuple[int, int]) -> None:
        x0, x1 = region
        slope = _slope(means[x0:x1])
        if slope is None:
            return
        lacking: Float32 = np.pad(1 / slope, (x0, len(means) - x1), mode="edge").astype(np.float32)
        now = self._estimate if self._correct else np.float32(1)
        step = np.clip(FOLLOW * (now * lacking - self._estimate), -MOST_STEP, MOST_STEP)
        self._estimate = np.clip(self._estimate + step, 1 - LIMIT, 1 + LIMIT).astype(np.float32)
        self._applied = None
        away = self._estimate[x0:x1] - 1
        column = int(np.abs(away).argmax())
        stale = bool(abs(away[column]) > (WELL if self._stale else STALE))
        if stale is not self._stale:
            self._stale, self._news = stale, Drift(stale, float(away[column]), x0 + column)


def _slope(means: np.ndarray) -> np.ndarray | None:
    """The smooth part of the columns' means, its median 1, [width]; None for too few columns, or dark ones.

    The curve that leaves the least sum of absolute deviations (by weights that follow the deviations): a fault or dust
    of any depth weighs no more than the columns it takes.
    """
    bins = len(means) // BIN_PX
    if bins < LEAST_BINS:
        return None
    binned = means[: bins * BIN_PX].reshape(bins, BIN_PX).mean(axis=1)
    middle = float(np.median(binned))
    if middle < LEAST_LEVEL:
        return None
    level = binned / middle
    across = (np.arange(bins) + 0.5) / bins
    # A cosine is level at both ends; the other two make up for that.
    curves = [np.cos(np.pi * half * across) for half in range(2 * WAVES + 1)] + [across - 0.5, (across - 0.5) ** 3]
    basis, weight, smooth = np.column_stack(curves), np.ones(bins), level
    for _ in range(ROUNDS):
        shares, *_ = np.linalg.lstsq(basis * weight[:, None], level * weight, rcond=None)
        smooth = basis @ shares
        weight = 1 / np.sqrt(np.maximum(np.abs(level - smooth), LEAST_DEVIATION))
    smooth = np.interp(np.arange(len(means)), across * bins * BIN_PX - 0.5, smooth)
    return np.asarray(smooth / np.median(smooth))
