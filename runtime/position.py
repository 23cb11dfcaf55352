"""Line, encoder count, metre: the one place where one becomes the other.

With an encoder, metres are signed counts since the first line of the stream divided by counts per mm;
without one, lines times the line pitch. Lines of a block have the counts that came with them; between
blocks (a gap) counts are interpolated.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from runtime.types import Int64, LineBlock, Scale

Float64 = NDArray[np.float64]

HISTORY_LINES = 1 << 17
"""How far back a line's count is remembered: more than any defect waits for its event."""
ANEW_MM = 1000.0
"""A camera that comes back with counts this far behind has begun to count anew: no loom is turned back so far."""


class Track:
    """Positions of one camera's lines, in a bounded memory."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self._lines: deque[Int64] = deque()
        self._counts: deque[Int64] = deque()  # since the stream's first line
        self._zero_count: int | None = None
        self._zero_line: int | None = None
        self._segment = -1
        self._joined: tuple[Float64, Float64] | None = None

    def add(self, block: LineBlock) -> None:
        """Remember where a block's lines lie."""
        if self._zero_line is None:
            self._zero_line = block.first_line
        if block.encoder is None or self.scale.counts_per_mm is None:
            return
        if self._zero_count is None:
            self._zero_count = int(block.encoder[0])
        elif block.segment != self._segment:
            jump = int(block.encoder[0]) - self._zero_count - int(self._counts[-1][-1])
            if jump / self.scale.counts_per_mm < -ANEW_MM:
                self._zero_count += jump  # metres go on from the last line
        self._segment = block.segment
        counts = block.encoder - self._zero_count
        # Two knots a block are enough where the counts run evenly, which they do but for stops and reversals.
        even = np.rint(np.linspace(counts[0], counts[-1], block.rows)).astype(np.int64)
        keep = slice(None) if np.abs(even - counts).max() > 1 else slice(None, None, max(1, block.rows - 1))
        lines = np.arange(block.first_line, block.end_line, dtype=np.int64)[keep]
        self._lines.append(lines)
        self._counts.append(counts[keep])
        while self._lines and block.end_line - int(self._lines[0][-1]) > HISTORY_LINES:
            self._lines.popleft()
            self._counts.popleft()
        self._joined = None

    @property
    def counted(self) -> bool:
        """An encoder tells where the lines lie."""
        return self._zero_count is not None

    def metres(self, line: int) -> float:
        """Metres of cloth from the first line of the stream to the upper edge of ``line``.

        A track that was given no line yet counts from line 0.
        """
        if not self._lines or self.scale.counts_per_mm is None:
            return (line - (self._zero_line or 0)) * self.scale.mm_per_line / 1000
        if self._joined is None:
            lines, counts = (np.concatenate(list(parts)).astype(np.float64) for parts in (self._lines, self._counts))
            self._joined = (lines, counts)
        lines, counts = self._joined
        count = float(np.interp(line, lines, counts))
        # Beyond what is known (the end edge of the newest line, a gap at the start) cloth goes on by the pitch.
        beyond = min(0, line - int(lines[0])) + max(0, line - int(lines[-1]))
        return (count / self.scale.counts_per_mm + beyond * self.scale.mm_per_line) / 1000

    def metres_to(self, end_line: int) -> float:
        """Metres of cloth to the lower edge of the line before ``end_line``, wherever the line after it lies.

        The loom may have stopped or turned back between the two, or lines may be missing: a line is at most one
        pitch high.
        """
        upper = self.metres(end_line - 1)
        return min(max(self.metres(end_line), upper), upper + self.scale.mm_per_line / 1000)

    def millimetres_along(self, block: LineBlock) -> Float64 | None:
        """Cloth from the first line of the stream to each line of the block added last, mm, float64 [rows].

        None where no encoder tells.
        """
        if block.encoder is None or self._zero_count is None or self.scale.counts_per_mm is None:
            return None
        places: Float64 = (block.encoder - self._zero_count) / self.scale.counts_per_mm
        return places

    def millimetres_across(self, column: float) -> float:
        """Loom millimetres of the left edge of ``column``."""
        return self.scale.x_offset_mm + column * self.scale.mm_per_px
