"""What each column of the sensor saw lately: mean and deviation over slabs of lines, in a bounded memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.types import Float32, LineBlock

SLAB_LINES = 32


@dataclass(frozen=True)
class Profile:
    """Some consecutive lines, column by column.

    Attributes:
        mean, deviation: float32 [width], 8-bit grey levels of the first channel. The deviation is that within
            SLAB_LINES lines: of the weave, and not of a change that came among them.
        lines: how many there were.
    """

    mean: Float32
    deviation: Float32
    lines: int


@dataclass(frozen=True)
class Slab:
    """Mean and deviation of SLAB_LINES lines from ``first_line`` on, float32 [width]."""

    first_line: int
    mean: Float32
    deviation: Float32

    @property
    def end_line(self) -> int:
        return self.first_line + SLAB_LINES


class Slabs:
    """The newest lines of one camera, as slabs.

    Lines that do not fill a slab before a gap, or before a change of width, are left out.
    """

    def __init__(self, kept_lines: int) -> None:
        """Keep about ``kept_lines`` lines."""
        self._slabs: deque[Slab] = deque(maxlen=max(2, -(-kept_lines // SLAB_LINES)))
        self._rows: list[NDArray[Any]] = []  # [n, width] that do not fill a slab yet
        self._waiting = 0
        self._end = -1
        self._width = 0

    @property
    def end_line(self) -> int:
        """One past the newest line of the newest slab; -1 before the first."""
        return self._slabs[-1].end_line if self._slabs else -1

    @property
    def width(self) -> int:
        return len(self._slabs[-1].mean) if self._slabs else 0

    def add(self, block: LineBlock) -> list[Slab]:
        """Take lines; returns the slabs that they filled, in order."""
        pixels = np.ascontiguousarray(block.pixels[..., 0])
        other_width = block.width != self._width
        if other_width:
            self._slabs.clear()
        if other_width or block.first_line != self._end:
            self._rows.clear()
            self._waiting = 0
        self._end, self._width = block.end_line, block.width
        first, filled, at = block.first_line - self._waiting, [], 0
        while self._waiting + block.rows - at >= SLAB_LINES:
            take = SLAB_LINES - self._waiting
            rows = [*self._rows, pixels[at : at + take]]
            filled.append(_slab(np.concatenate(rows) if len(rows) > 1 else rows[0], first, block.bits))
            self._rows.clear()
            self._waiting, at, first = 0, at + take, first + SLAB_LINES
        if at < block.rows:
            self._rows.append(pixels[at:].copy())
            self._waiting += block.rows - at
        self._slabs.extend(filled)
        return filled

    def profile(self, first: int, end: int, columns: slice = slice(None)) -> Profile | None:
        """Of some columns of the whole slabs inside lines [first, end); None where there is none."""
        inside = [slab for slab in self._slabs if slab.first_line >= first and slab.end_line <= end]
        return profile_of(inside, columns) if inside else None


def profile_of(slabs: list[Slab], columns: slice) -> Profile:
    """Of some columns of one or more slabs of one width."""
    mean, deviation = slabs[0].mean[columns].copy(), slabs[0].deviation[columns].copy()
    for slab in slabs[1:]:
        mean += slab.mean[columns]
        deviation += slab.deviation[columns]
    share = np.float32(1 / len(slabs))
    return Profile(share * mean, share * deviation, len(slabs) * SLAB_LINES)


def _slab(rows: NDArray[Any], first_line: int, bits: int) -> Slab:
    """Of [SLAB_LINES, width] pixels of ``bits`` significant bits."""
    scale = np.float32(2.0 ** (8 - bits))
    mean = cv2.reduce(rows, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[0]
    squares = np.multiply(rows, rows, dtype=np.uint16 if rows.dtype == np.uint8 else np.float32)
    square = cv2.reduce(squares, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[0]
    return Slab(first_line, mean * scale, np.sqrt(np.maximum(square - mean**2, 0)) * scale)
