"""From a stitched map to the scores of tiles and cells, each with what the mask says of it.

Masks are Bool [lines, columns] of whole strips; maps float32 [rows, columns] at one cell per ``stride``
pixels, NaN where the runtime did not look. A tile or cell that was not looked at has the score NaN, which
benchmarks/curves.py takes for the lowest: it can find nothing and raises no alarm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.types import Bool, Float32, Int64

TILE_PX = 256
"""Side of the squares that tile scores are taken from, whatever tiles the net sees."""
DEFECT_PX = 8
"""A tile with this much mask is defective; one with less, but some, is neither defective nor good."""
TOP_SHARE = 0.002
"""Share of a tile's cells that ``topk`` takes the mean of: 8 of 4096."""


def _mean_of_highest(cells: Float32) -> float:
    count = max(1, round(cells.size * TOP_SHARE))
    return float(np.sort(cells)[-count:].mean())


SCORES: dict[str, Callable[[Float32], float]] = {
    "max": lambda cells: float(cells.max()),
    "topk": _mean_of_highest,
    "sum": lambda cells: float(cells.sum(dtype=np.float64)),
}
"""A tile's score from those of its cells that were judged, float32 [n], n at least 1."""


@dataclass(frozen=True)
class Scored:
    """Scores and which of them are of defects: float32 [n], Bool [n]."""

    scores: Float32
    positive: Bool


@dataclass(frozen=True)
class Tiles:
    """A strip's tiles: scores float32 [n], NaN where nothing was judged; mask pixels in each, int64 [n]."""

    scores: Float32
    mask_px: Int64

    @property
    def clear(self) -> Scored:
        """Those that are surely defective or surely good."""
        kept = (self.mask_px == 0) | (self.mask_px >= DEFECT_PX)
        return Scored(self.scores[kept], self.mask_px[kept] > 0)

    @property
    def highest(self) -> float:
        """The strip's score; NaN where nothing was judged."""
        return float(np.fmax.reduce(self.scores, initial=np.nan))


@dataclass(frozen=True)
class Cells:
    """A strip's map cells on the cloth: scores float32 [n]; the connected piece of the mask that each has a
    pixel of, numbered from 1, 0 for none, int32 [n]."""

    scores: Float32
    piece: NDArray[np.int32]

    @property
    def scored(self) -> Scored:
        return Scored(self.scores, self.piece > 0)

    @property
    def share_of_piece(self) -> NDArray[np.float64]:
        """What part of its piece each positive cell is, 0 for the others; the sum is the number of pieces. [n]"""
        sizes = np.bincount(self.piece)
        return np.where(self.piece > 0, 1 / sizes[self.piece], 0.0)


def tile_scores(values: Float32, stride: int, mask: Bool, x0: int, score: str = "max") -> Tiles:
    """Score the tiles of a strip from column ``x0`` rightwards.

    Tiles lie side by side from column ``x0`` and line 0; the last of a row and of a column is shifted back to
    end with the strip. A tile's cells are those whose middle lies in it.

    Args:
        score: one of SCORES.
    """
    scores, mask_px = [], []
    for top in starts(0, mask.shape[0]):
        for left in starts(x0, mask.shape[1]):
            cells = values[_cells(top, TILE_PX, stride), _cells(left, TILE_PX, stride)]
            judged = cells[~np.isnan(cells)]
            scores.append(SCORES[score](judged) if judged.size else np.nan)
            mask_px.append(int(mask[top : top + TILE_PX, left : left + TILE_PX].sum()))
    return Tiles(np.array(scores, np.float32), np.array(mask_px, np.int64))


def starts(first: int, end: int) -> list[int]:
    """Where tiles of TILE_PX start in [first, end): one a TILE_PX, the last shifted in; one where fewer px are."""
    last = end - TILE_PX
    return [*range(first, last, TILE_PX), max(first, last)]


def cell_scores(values: Float32, stride: int, mask: Bool, x0: int) -> Cells:
    """Every map cell whose middle lies right of ``x0``; positive with a single mask pixel in it.

    Pieces are of cells that touch, corners included.
    """
    rows, columns = values.shape
    padded = np.zeros((rows * stride, columns * stride), np.bool_)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    cloth = _cells(x0, columns * stride, stride)
    positive: Bool = padded.reshape(rows, stride, columns, stride).max(axis=(1, 3))[:, cloth]
    _, piece = cv2.connectedComponents(positive.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return Cells(values[:, cloth].ravel(), piece.astype(np.int32, copy=False).ravel())


def _cells(start: int, length: int, stride: int) -> slice:
    """Cells whose middle lies in the pixels [start, start + length)."""
    first = -(-(2 * start - stride) // (2 * stride))
    end = -(-(2 * (start + length) - stride) // (2 * stride))
    return slice(max(0, first), max(0, end))
