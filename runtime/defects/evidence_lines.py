"""Faint lines along the weft: evidence that no tile shows and a line's length does.

A pick that is hardly darker than its neighbours raises the map so little that any one cell could be chance, but it does
so over hundreds of pixels. So means are taken along lines of LINE_PX in a few directions, as a Radon transform does,
and a line counts as much as the weaker of its two halves: a spot, however strong, lies in one of them.

A line is then drawn where it was found, and ends where the half around a place falls to half of it: means alone would
smear it over LINE_PX beyond its ends.

What the map shows by itself is left out, halo and all: a strong spot among faint cells would be drawn as a line, and
its event would be as long.
"""

from __future__ import annotations

from functools import reduce

import cv2
import numpy as np

from runtime.defects.blobs import HALO_PX
from runtime.types import Float32

LINE_PX = 256
"""Means over half of it found fewer painted picks at the same false events, those over twice of it no more."""
STEEPEST = 4
"""Cells that a line rises over LINE_PX at 4 px a cell: 3.6 degrees, more than cloth on a table lies askew."""
RISES = tuple(range(-STEEPEST, STEEPEST + 1, 2))
"""Directions sought: neighbouring ones differ by a cell at either end of a line."""
PIECE = 8
"""Cells of a line that are taken in one row: there the steepest rises by half a cell."""
AROUND = 15
"""Rows that a cell is compared with, its own in the middle: livelier cloth is not a line."""
HIGHEST = 2.0
"""What a cell counts at most: so a spot of a few cells does not make a line."""
BESIDE = 4
"""Rows above and below a strong cell that are left out with it."""
REACH = AROUND // 2 + 2 * (STEEPEST // 2) + BESIDE
"""Rows before and after a row that have a say in what is drawn there: where a line that crosses it has its other end,
what that is compared with, and strong cells beside it."""


def draw_lines(values: Float32, stride: int, least: float, strong: float) -> Float32:
    """The evidence for lines along the weft, at each cell that one runs through.

    Args:
        values: the map, float32 [rows, columns], NaN where there is no cloth.
        stride: px a cell.
        least: evidence below this is not drawn; 0 or more.
        strong: cells of at least this value, and those within their halo, are no part of a line.

    Returns:
        float32 [rows, columns], how far the weaker half of the strongest line at a place lies above its surroundings,
        in units of the map; -inf where there is none, or none of at least ``least``.
    """
    pieces = LINE_PX // stride // PIECE
    values = without_strong(values, strong, HALO_PX // stride)
    raised = above_surroundings(values)
    drawn = np.full(values.shape, -np.inf, np.float32)
    if values.shape[1] < pieces * PIECE:
        return drawn
    means = _along(raised, PIECE)
    for rise in RISES:
        left, right = (_mean_along(means, _places(half, pieces, rise)) for half in (-1, 1))
        line = np.minimum(left, right)
        if line.max() < least or line.max() <= 0:
            continue
        line[line < least] = -np.inf
        wide = _widest(line, PIECE)
        both = _places(-1, pieces, rise) + _places(1, pieces, rise)
        here = reduce(np.maximum, [_moved(wide, -dy, -dx, -np.inf) for dy, dx in both])
        here[_mean_along(means, _places(0, pieces, rise)) < here / 2] = -np.inf
        np.maximum(drawn, here, out=drawn)
    return np.where(np.isfinite(values) & (drawn >= least), drawn, np.float32(-np.inf))


def without_strong(values: Float32, strong: float, halo: int) -> Float32:
    """The map with NaN at cells of at least ``strong`` and around them: ``halo`` columns and BESIDE rows."""
    cells = (values >= strong).astype(np.uint8)
    near = cv2.dilate(cells, np.ones((2 * BESIDE + 1, 2 * halo + 1), np.uint8))
    return np.where(near > 0, np.float32(np.nan), values)


def above_surroundings(values: Float32) -> Float32:
    """How far each cell, at most HIGHEST, lies above the mean of AROUND rows of its column; 0 where there is no cloth.

    Args:
        values: float32 [rows, columns], NaN where there is no cloth.
    """
    known = np.isfinite(values)
    capped = np.where(known, np.minimum(values, HIGHEST), 0).astype(np.float32)
    sums, counts = (
        np.asarray(cv2.boxFilter(cells, -1, (1, AROUND), normalize=False, borderType=cv2.BORDER_CONSTANT))
        for cells in (capped, known.astype(np.float32))
    )
    raised: Float32 = np.where(known, capped - sums / np.maximum(counts, 1), 0).astype(np.float32)
    return raised


def _along(values: Float32, columns: int) -> Float32:
    """Mean of each cell with those beside it, ``columns`` in all, of which one more lies to its left."""
    return np.asarray(cv2.blur(values, (columns, 1), anchor=(columns // 2, 0), borderType=cv2.BORDER_CONSTANT))


def _widest(values: Float32, columns: int) -> Float32:
    """Highest of the cells whose mean (see _along) has a say in this one."""
    return np.asarray(cv2.dilate(values, np.ones((1, columns), np.uint8), anchor=(columns // 2 - 1, 0)))


def _places(half: int, pieces: int, rise: int) -> list[tuple[int, int]]:
    """Rows and columns from a line's middle to the pieces of its left half (-1), its right one (1), or of as long a
    part around the middle (0)."""
    first = {-1: -pieces / 2, 0: -pieces / 4, 1: 0}[half]
    across = [round((first + number + 0.5) * PIECE) for number in range(pieces // 2)]
    return [(round(rise * dx / (pieces * PIECE)), dx) for dx in across]


def _mean_along(means: Float32, places: list[tuple[int, int]]) -> Float32:
    total = np.zeros_like(means)
    for dy, dx in places:
        total += _moved(means, dy, dx, 0.0)
    total /= np.float32(len(places))
    return total


def _moved(values: Float32, dy: int, dx: int, beyond: float) -> Float32:
    """Each cell gets the value that lies dy rows below and dx columns right of it; ``beyond`` where there is none."""
    rows, columns = values.shape
    moved = np.full_like(values, beyond)
    to = slice(max(0, -dy), min(rows, rows - dy)), slice(max(0, -dx), min(columns, columns - dx))
    start = slice(max(0, dy), min(rows, rows + dy)), slice(max(0, dx), min(columns, columns + dx))
    moved[to] = values[start]
    return moved
