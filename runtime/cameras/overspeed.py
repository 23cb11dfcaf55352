"""Does the cloth run faster than the camera takes lines?

A camera at its highest rate leaves out encoder pulses, and its picture is compressed along the cloth. It shows in the
counts of each line: there are more than the scale says.
"""

from __future__ import annotations

from runtime.types import LineBlock, Scale

WINDOW_COUNTS = 100.0
"""Counts that are looked at together: an encoder's count is wrong by one at either end, which is 2 % of these."""
TOO_MANY, WELL = 1.06, 1.03
"""Counts a line over those of the scale: beyond the first it is over-speed, within the second it is over."""


class Overspeed:
    """Watches one camera's encoder.

    Args:
        scale: without ``counts_per_mm`` nothing is ever found.

    Attributes:
        stretch: counts a line over those of the scale, in the newest window; the picture is compressed by so much.
        highest: the largest so far.
    """

    def __init__(self, scale: Scale) -> None:
        self._counts_per_line = (scale.counts_per_mm or 0.0) * scale.mm_per_line
        self.stretch = self.highest = 1.0
        self._fast = False
        self._start: tuple[int, int, int] | None = None  # segment, line and count at the window's start

    def see(self, block: LineBlock) -> bool | None:
        """What changed with this block: True too fast, False no longer, None nothing."""
        if block.encoder is None or not self._counts_per_line:
            return None
        if self._start is None or self._start[0] != block.segment:
            self._start = block.segment, block.first_line, int(block.encoder[0])
        _, line, count = self._start
        expected = (block.end_line - 1 - line) * self._counts_per_line
        if abs(expected) < WINDOW_COUNTS:
            return None
        self.stretch = (int(block.encoder[-1]) - count) / expected
        self.highest = max(self.highest, self.stretch)
        self._start = block.segment, block.end_line - 1, int(block.encoder[-1])
        fast = self.stretch > (WELL if self._fast else TOO_MANY)
        if fast is self._fast:
            return None
        self._fast = fast
        return fast

    @property
    def sentence(self) -> str:
        """What is to be done about the highest stretch so far."""
        return (
            f"the encoder gave up to {self.highest - 1:.0%} more counts a line than the scale says: the cloth runs "
            "faster than the camera takes lines, so raise line_rate_hz or shorten exposure_us; or counts_per_mm or "
            "mm_per_line is wrong"
        )
