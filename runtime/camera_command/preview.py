"""A recorded roll as one small picture."""

from __future__ import annotations

import cv2
import numpy as np

from runtime.preprocess.flatfield import to_8_bit
from runtime.recordings.reader import RecordedRoll
from runtime.types import Float32, LineBlock, NotInspected, UInt8

WIDTH_PX, MOST_ROWS = 1024, 4096
GAP = (140, 70, 30)
"""Blue; no cloth has this colour in a grey picture."""


def preview(roll: RecordedRoll) -> UInt8:
    """The whole roll, warp down; uint8 [rows, width, 3] of blue, green, red. Gaps of known length are blue.

    Every block is read, so every checksum is looked at. Pixels stay square until the roll is too long for that.
    """
    lines = roll.end_line - roll.first_line
    shrink = max(1.0, (roll.about.width or WIDTH_PX) / WIDTH_PX, lines / MOST_ROWS)
    rows = max(1, int(np.ceil(lines / shrink)))
    width = max(1, min(WIDTH_PX, roll.about.width or WIDTH_PX))
    sums, counts = np.zeros((rows, width, roll.about.channels), np.float32), np.zeros(rows, np.float32)
    for item in roll.items(roll.about.camera):
        if isinstance(item, NotInspected):
            continue
        at = ((np.arange(item.first_line, item.end_line) - roll.first_line) / shrink).astype(np.int64)
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        sums[at[starts]] += np.add.reduceat(_narrowed(item, width), starts, axis=0)
        counts[at[starts]] += np.diff(starts, append=len(at))
    seen = counts > 0
    picture = np.empty((rows, width, 3), np.uint8)
    picture[:] = GAP
    picture[seen] = np.rint(sums[seen] / counts[seen, None, None])[..., ::-1]
    return picture


def _narrowed(block: LineBlock, width: int) -> Float32:
    """A block's lines at the picture's width, float32 [rows, width, channels]."""
    size = (width, block.rows)
    small: Float32 = cv2.resize(to_8_bit(block.pixels, block.bits), size, interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    return small.reshape(block.rows, width, block.channels)
