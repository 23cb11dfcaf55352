"""What the evidence of lines is worth, from normal cloth: the map value that is as rare there.

Both are looked at in blocks, as thresholds are (calibration/threshold.py): a straight line sets the medians equal, and
the values that a share RARE of the blocks goes beyond. Of the map that is the quantile, as the threshold is. Of lines
it is that of an exponential tail where this is higher: the highest of few blocks is too low for other cloth of the
style. So lines leave a threshold where it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from calibration.threshold import NormalTail
from runtime.defects.evidence import LineEvidence, LineFinder
from runtime.defects.evidence_scale import LineScale
from runtime.defects.rows import goes_on
from runtime.types import Float32, ScoreMap

RARE = 0.001
TAIL = 0.9
"""Quantile above which the tail of lines is taken for exponential."""
FEWEST_BLOCKS = 20
"""With fewer the highest ones say little."""


def line_scale(strips: Callable[[], Iterable[ScoreMap]]) -> LineScale | None:
    """What evidence is worth on cloth like this; None where there are fewer than FEWEST_BLOCKS, or never a line.

    Args:
        strips: gives the stitched map of normal cloth in order, each time it is called.
    """
    highest = NormalTail.of(strips()).maxima
    if len(highest) < FEWEST_BLOCKS:
        return None
    strong = float(np.quantile(highest, 1 - RARE))
    lines = NormalTail.of(_evidence(strips(), strong)).maxima
    usual, map_usual = float(np.median(lines)), float(np.median(highest))
    rise = rare(lines) - usual
    map_rise = strong - map_usual
    if min(rise, map_rise) <= 0:
        return None
    return LineScale(usual=usual, map_usual=map_usual, strong=strong, gain=map_rise / rise)


def rare(maxima: Float32) -> float:
    """The evidence that a share RARE of the blocks goes beyond, from the highest of each block, [blocks]."""
    level = float(np.quantile(maxima, TAIL))
    over = maxima[maxima > level] - level
    tail = level + float(over.mean()) * math.log((1 - TAIL) / RARE) if len(over) else level
    return max(tail, float(np.quantile(maxima, 1 - RARE)))


def with_lines(strips: Iterable[ScoreMap], scale: LineScale | None) -> Iterator[ScoreMap]:
    """The map as the runtime judges it: joined with the evidence of lines."""
    evidence = LineEvidence(scale)
    for strip, more in and_more(strips):
        yield from evidence.add(strip, more)


def _evidence(strips: Iterable[ScoreMap], strong: float) -> Iterator[ScoreMap]:
    """The evidence in place of the map; 0 where there is no line, NaN where there is no cloth."""
    finder = LineFinder(0.0, strong)
    for strip, more in and_more(strips):
        for found, lines in finder.add(strip, more):
            yield replace(found, values=np.where(np.isfinite(found.values), np.maximum(lines, 0), np.nan))


def and_more(strips: Iterable[ScoreMap]) -> Iterator[tuple[ScoreMap, bool]]:
    """Each strip, and whether the map goes on after it."""
    held: ScoreMap | None = None
    for strip in strips:
        if held is not None:
            yield held, goes_on(held, strip)
        held = strip
    if held is not None:
        yield held, False
