"""When lines that are already there may be given out: at a camera's line rate, or at once."""

from __future__ import annotations

import threading
import time

from runtime.errors import UserError


class Pace:
    """Holds lines back until a camera of that line rate would have seen them.

    A reader that was slow gets the lines that are due at once: none is dropped here.

    Args:
        line_rate_hz: lines per second, or None for as fast as they are asked for.

    Raises:
        UserError: a line rate that is not above 0.
    """

    def __init__(self, line_rate_hz: float | None) -> None:
        if line_rate_hz is not None and not 0 < line_rate_hz < float("inf"):
            raise UserError(f"the line rate must be above 0 Hz, not {line_rate_hz}")
        self.line_rate_hz = line_rate_hz
        self._start: float | None = None
        self._stopped = threading.Event()

    def wait(self, end_line: int) -> bool:
        """Wait until the lines before ``end_line`` are due; False once stopped, without waiting."""
        if self._start is None:
            self._start = time.monotonic()
        if self.line_rate_hz is None:
            return not self._stopped.is_set()
        due = self._start + end_line / self.line_rate_hz
        return not self._stopped.wait(max(0.0, due - time.monotonic()))

    def stop(self) -> None:
        """End all waiting, from any thread."""
        self._stopped.set()
