"""The count of an encoder that triggers the lines, of a camera that does not stamp them but tells it when asked.

A line's number is its place then. The count says what numbers cannot: how far the cloth went while the camera was gone
(runtime/cameras/line_ledger.py), and whether lines and cloth keep step.
"""

from __future__ import annotations

import contextlib
import logging
import time

from runtime.cameras.link import Link
from runtime.cameras.overspeed import TOO_MANY

EVERY_S = 0.2
WINDOW_BUFFERS = 100
"""Looked at together: a reading may be a buffer late, which is 1 % of these."""
WINDOW_S = 10.0
"""... and for at least so long: a busy machine takes buffers some tenths of a second late, and then several at once."""
_log = logging.getLogger(__name__)


class EncoderValue:
    """Asks one camera now and then, and warns where lines and cloth do not keep step.

    Args:
        name: the camera's.
        block_lines: lines of a full buffer.
        counts_per_line: by the scale, signed.
    """

    def __init__(self, name: str, block_lines: int, counts_per_line: float) -> None:
        self._name, self._counts_per_line = name, counts_per_line
        self._window_lines = WINDOW_BUFFERS * block_lines
        self._asked_s = -EVERY_S
        self._start: tuple[int, int, int, float] | None = None
        """Segment, line, count and moment where the window begins."""
        self._warned = False

    def read(self, link: Link, at_once: bool) -> int | None:
        """The count now, where it is time to ask; None too if the camera does not answer.

        Args:
            at_once: ask in any case.
        """
        if not at_once and time.monotonic() - self._asked_s < EVERY_S:
            return None
        self._asked_s = time.monotonic()
        with contextlib.suppress(*link.errors):
            link.features.invalidate_caches()
            return link.features.get_integer("EncoderValue")
        return None

    def see(self, segment: int, line: int, count: int) -> None:
        """Compare with an earlier reading; ``count`` was read when ``line`` had come."""
        now = time.monotonic()
        if self._start is None or self._start[0] != segment:
            self._start = segment, line, count, now
        _, first_line, first_count, then = self._start
        if line - first_line < self._window_lines or now - then < WINDOW_S:
            return
        self._start = segment, line, count, now
        stretch = (count - first_count) / ((line - first_line) * self._counts_per_line)
        apart = not 1 / TOO_MANY < stretch < TOO_MANY
        if apart and not self._warned:
            _log.warning("camera '%s': %s", self._name, _sentence(stretch))
        self._warned = apart


def _sentence(stretch: float) -> str:
    if stretch < 0:
        return (
            "the encoder's count falls while cloth is made by what its direction says: change encoder.direction, or "
            "make the camera trigger lines only while the cloth goes forward (docs/cameras.md)"
        )
    return (
        f"the encoder counted {stretch:.2f} times what its lines say, and metres are wrong by that: the camera leaves "
        "lines out (raise line_rate_hz or shorten exposure_us), or counts_per_mm or mm_per_line is wrong"
    )
