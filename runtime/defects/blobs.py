"""Connected spots of one strip of the map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from runtime.types import Float32, ScoreMap


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


def find_blobs(strip: ScoreMap, keep: float) -> Iterator[Blob]:
    """Blobs of cells >= keep (8-connected), topmost first; NaN cells belong to none.

    Box edges lie where the map, drawn linearly between the centres of cells, crosses ``keep``: so that they
    move little when the same cloth falls otherwise on the cells. Where a blob meets the strip's end or the
    cloth's edge, the cell's own border is taken.
    """
    mask = strip.values >= keep
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
        x0, x1 = (strip.x0 + at for at in _crossings(strip.values[box[0]].T, left, left + width, keep, s))
        first, end = (strip.first_line + at for at in _crossings(strip.values[:, box[1]], top, top + height, keep, s))
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


def _crossings(cells: Float32, low: int, high: int, keep: float, stride: int) -> tuple[int, int]:
    """Where the highest values of rows [low, high) rise above and fall below ``keep``, px from row 0's border.

    Args:
        cells: [rows, columns], the columns of the blob alone.
    """
    start, stop = low * stride, high * stride
    if low > 0:
        start += round(_below(cells[low - 1], cells[low], keep) * stride)
    if high < len(cells):
        stop -= round(_below(cells[high], cells[high - 1], keep) * stride)
    return start, max(stop, start + 1)


def _below(outside: Float32, inside: Float32, keep: float) -> float:
    """How far the crossing lies inside the border between two rows of cells, -0.5 to 0.5 cells."""
    beyond = np.fmax.reduce(outside)
    if not beyond < keep:  # no cloth, or a neighbour of another blob
        return 0.0
    within = np.fmax.reduce(inside)
    return float((keep - beyond) / (within - beyond)) - 0.5
