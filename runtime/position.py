"""Line, encoder count, metre: the one place where one becomes the other.

With an encoder, metres are signed counts since the first line of the stream divided by counts per mm;
without one, lines times the line pitch. Lines of a block have the counts that came with them; between
blocks (a gap) counts are interpolated.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from runtime.types import Int64, LineBlock, Scale

HISTORY_LINES = 1 << 17
"""How far back a line's count is remembered: more than any defect waits for its event."""


class Track:
    """Positions of one camera's lines, in a bounded memory."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self._lines: deque[Int64] = deque()
        self._counts: deque[Int64] = deque()
        self._held = 0
        self._zero_count: int | None = None
        self._zero_line: int | None = None
        self._joined: tuple[Int64, Int64] | None = None

    def add(self, block: LineBlock) -> None:
        """Remember where a block's lines lie."""
        if self._zero_line is None:
            self._zero_line = block.first_line
        if block.encoder is None or self.scale.counts_per_mm is None:
            return
        if self._zero_count is None:
            self._zero_count = int(block.encoder[0])
        # Two knots a block are enough where the counts run evenly, which they do but for stops and reversals.
        even = np.rint(np.linspace(block.encoder[0], block.encoder[-1], block.rows)).astype(np.int64)
        keep = slice(None) if np.abs(even - block.encoder).max() > 1 else slice(None, None, max(1, block.rows - 1))
        lines = np.arange(block.first_line, block.end_line, dtype=np.int64)[keep]
        self._lines.append(lines)
        self._counts.append(block.encoder[keep])
        while self._lines and block.end_line - int(self._lines[0][-1]) > HISTORY_LINES:
            self._lines.popleft()
            self._counts.popleft()
        self._joined = None

    def metres(self, line: int) -> float:
        """Metres of cloth from the first line of the stream to the upper edge of ``line``."""
        if self._zero_line is None:
            return 0.0
        if not self._lines or self._zero_count is None or self.scale.counts_per_mm is None:
            return (line - self._zero_line) * self.scale.mm_per_line / 1000
        if self._joined is None:
            self._joined = (np.concatenate(list(self._lines)), np.concatenate(list(self._counts)))
        lines, counts = self._joined
        count = float(np.interp(line, lines, counts))
        # Beyond what is known (the end edge of the newest line, a gap at the start) cloth goes on by the pitch.
        beyond = min(0, line - int(lines[0])) + max(0, line - int(lines[-1]))
        return ((count - self._zero_count) / self.scale.counts_per_mm + beyond * self.scale.mm_per_line) / 1000

    def millimetres_across(self, column: float) -> float:
        """Loom millimetres of the left edge of ``column``."""
        return self.scale.x_offset_mm + column * self.scale.mm_per_px
