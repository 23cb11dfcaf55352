"""How well maps and events agree with masks: one function for each measure.

Masks are Bool [lines, columns] of whole strips; maps float32 [rows, columns] at one cell per ``stride``
pixels, NaN where the runtime did not look. What was not looked at scores lowest: it can find nothing and
raises no alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.boxes import Box
from runtime.types import Bool, Float32

TILE_PX = 256
"""Side of the squares that tile scores are taken from."""
NEAR_PX = 16
"""Within this of a mask, cloth is neither surely defective nor surely good."""


def auroc(scores: Float32, positive: Bool) -> float | None:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half.

    Args:
        scores: [n], NaN counting as lowest. positive: [n].

    Returns:
        0 to 1, or None where one of the two kinds is absent.
    """
    positives = int(positive.sum())
    negatives = positive.size - positives
    if not positives or not negatives:
        return None
    comparable = np.where(np.isnan(scores), -np.inf, scores)
    _, place, counts = np.unique(comparable, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(counts) - (counts - 1) / 2  # ranks from 1; equal scores share their mean
    rank_sum = float(middle_rank[place.reshape(-1)][positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def box_meets(box: Box, mask: Bool) -> bool:
    """The box, in the mask's lines and columns, has at least one pixel of the mask in it."""
    top, left = max(0, box.first), max(0, box.x0)
    return bool(mask[top : max(top, box.end), left : max(left, box.x1)].any())


def components_found(boxes: Sequence[Box], mask: Bool) -> tuple[int, int]:
    """How many of a mask's pieces are met by a box, and how many there are; pixels that touch, corners
    included, are one piece."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    found = sum(any(box_meets(box, labels == label) for box in boxes) for label in range(1, count))
    return found, count - 1


def grown(mask: Bool, px: int) -> Bool:
    """The mask and all pixels within ``px`` of it, in both directions alike (a square, not a circle)."""
    side = 2 * px + 1
    reached: Bool = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    return reached


def false_boxes(boxes: Sequence[Box], mask: Bool) -> int:
    """Boxes that do not meet the mask grown by NEAR_PX."""
    near = grown(mask, NEAR_PX)
    return sum(not box_meets(box, near) for box in boxes)


@dataclass(frozen=True)
class Scored:
    """Scores of tiles or cells and which of them are defective: float32 [n], Bool [n]."""

    scores: Float32
    positive: Bool

    @classmethod
    def joined(cls, parts: Sequence[Scored]) -> Scored:
        """All of them as one."""
        scores = [np.zeros(0, np.float32), *(part.scores for part in parts)]
        positive = [np.zeros(0, np.bool_), *(part.positive for part in parts)]
        return cls(np.concatenate(scores), np.concatenate(positive))

    @property
    def auroc(self) -> float | None:
        return auroc(self.scores, self.positive)


def tile_scores(values: Float32, stride: int, mask: Bool, x0: int) -> Scored:
    """The highest map value of each whole tile of TILE_PX to the right of ``x0``.

    Tiles lie side by side from column ``x0`` and line 0; what does not fill one at the right or at the end
    is left out. A tile's cells are those whose middle lies in it. A tile is positive if it has a mask pixel in
    it; one without, but within NEAR_PX of a mask pixel, is left out.
    """
    near = grown(mask, NEAR_PX)
    scores, positive = [], []
    for top in range(0, mask.shape[0] - TILE_PX + 1, TILE_PX):
        for left in range(x0, mask.shape[1] - TILE_PX + 1, TILE_PX):
            tile = slice(top, top + TILE_PX), slice(left, left + TILE_PX)
            defective = bool(mask[tile].any())
            if not defective and near[tile].any():
                continue
            cells = values[_cells(top, TILE_PX, stride), _cells(left, TILE_PX, stride)]
            scores.append(float(np.nanmax(cells)) if np.isfinite(cells).any() else np.nan)
            positive.append(defective)
    return Scored(np.array(scores, np.float32), np.array(positive, np.bool_))


def cell_scores(values: Float32, stride: int, mask: Bool, x0: int) -> Scored:
    """Every map cell whose middle lies right of ``x0``; positive if there is a mask pixel in it."""
    rows, columns = values.shape
    padded = np.zeros((rows * stride, columns * stride), np.bool_)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    positive: Bool = padded.reshape(rows, stride, columns, stride).max(axis=(1, 3))
    cloth = _cells(x0, columns * stride, stride)
    return Scored(values[:, cloth].ravel(), positive[:, cloth].ravel())


def _cells(start: int, length: int, stride: int) -> slice:
    """Cells whose middle lies in the pixels [start, start + length)."""
    first = -(-(2 * start - stride) // (2 * stride))
    end = -(-(2 * (start + length) - stride) // (2 * stride))
    return slice(max(0, first), max(0, end))
