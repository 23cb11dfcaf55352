"""Connected spots of one strip of the map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from runtime.types import Float32, ScoreMap

HALO_PX = 48
"""How far from a strong peak the map is still raised by it: the matched filters reach 28 px, and
the defect's own half width comes to it."""
HALO_SHARE = 0.25


@dataclass(frozen=True)
class Blob:
    """A connected set of cells at or above a value, in the camera's pixels and lines.

    Attributes:
        x0, x1: columns [x0, x1). first_line, end_line: lines [first, end).
        cells: how many map cells.
        peak: highest value; peak_x, peak_line: centre of the cell that has it.
    """

    x0: int
    x1: int
    first_line: int
    end_line: int
    cells: int
    peak: float
    peak_x: int
    peak_line: int

    def joined(self, other: Blob) -> Blob:
        """The blob of both: the box around them, their cells together, the higher peak."""
        top = max(self, other, key=lambda blob: blob.peak)
        return Blob(
            x0=min(self.x0, other.x0),
            x1=max(self.x1, other.x1),
            first_line=min(self.first_line, other.first_line),
            end_line=max(self.end_line, other.end_line),
            cells=self.cells + other.cells,
            peak=top.peak,
            peak_x=top.peak_x,
            peak_line=top.peak_line,
        )


def find_blobs(
    strip: ScoreMap, keep: float, before: Float32 | None = None, after: Float32 | None = None
) -> Iterator[Blob]:
    """Blobs of cells >= keep (8-connected), topmost first; NaN cells belong to none.

    Around a strong defect the map falls off slowly: within HALO_PX of a peak, cells below HALO_SHARE of the way
    from ``keep`` to the peak are its halo and belong to no blob.

    Box edges lie where the map, drawn linearly between the centres of cells, crosses that level: so that they
    move little when the same cloth falls otherwise on the cells. Where a blob meets the strip's end or the
    cloth's edge, the cell's own border is taken.

    Args:
        before, after: rows of the map before the strip's and after, as far as a halo reaches; None if there are none.
    """
    over = _over(strip, keep, before, after)
    mask = over >= 0
    if not mask.any():
        return
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    s = strip.stride
    # Labels are not in order of lines everywhere: OpenCV looks at pairs of rows at once.
    for label in sorted(range(1, count), key=lambda n: int(stats[n, cv2.CC_STAT_TOP])):
        left, top, width, height, cells = (int(v) for v in stats[label])
        box = (slice(top, top + height), slice(left, left + width))
        values = np.where(labels[box] == label, strip.values[box], -np.inf)
        row, column = np.unravel_index(int(values.argmax()), values.shape)
        x0, x1 = (strip.x0 + at for at in _crossings(over[box[0]].T, left, left + width, s))
        first, end = (strip.first_line + at for at in _crossings(over[:, box[1]], top, top + height, s))
        yield Blob(
            x0=max(x0, strip.region[0]),
            x1=min(x1, strip.region[1]),
            first_line=first,
            end_line=min(end, strip.end_line),
            cells=cells,
            peak=float(values[row, column]),
            peak_x=strip.x0 + (left + int(column)) * s + s // 2,
            peak_line=strip.first_line + (top + int(row)) * s + s // 2,
        )


def _over(strip: ScoreMap, keep: float, before: Float32 | None, after: Float32 | None) -> Float32:
    """The strip's values above the level that a cell must reach to belong to a blob."""
    around = [rows for rows in (before, strip.values, after) if rows is not None]
    known = np.nan_to_num(np.concatenate(around), nan=-np.inf)
    reach = 2 * (HALO_PX // strip.stride) + 1
    first = 0 if before is None else len(before)
    highest = cv2.dilate(known, np.ones((reach, reach), np.uint8))[first : first + len(strip.values)]
    over: Float32 = strip.values - (keep + HALO_SHARE * np.maximum(highest - keep, 0))
    return over


def _crossings(cells: Float32, low: int, high: int, stride: int) -> tuple[int, int]:
    """Where the highest values of rows [low, high) rise above and fall below 0, px from row 0's border.

    Args:
        cells: [rows, columns], the columns of the blob alone.
    """
    start, stop = low * stride, high * stride
    if low > 0:
        start += round(_below(cells[low - 1], cells[low]) * stride)
    if high < len(cells):
        stop -= round(_below(cells[high], cells[high - 1]) * stride)
    return start, max(stop, start + 1)


def _below(outside: Float32, inside: Float32) -> float:
    """How far the crossing lies inside the border between two rows of cells, -0.5 to 0.5 cells."""
    beyond = np.fmax.reduce(outside)
    if not beyond < 0:  # no cloth, or a neighbour of another blob
        return 0.0
    within = np.fmax.reduce(inside)
    return float(-beyond / (within - beyond)) - 0.5
