"""The loom's clock: how many lines are woven, and when the next ones will be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Loom:
    """Weaves lines from a start time at a steady rate, whether or not a camera looks.

    The start time is the only state that outlives the process: a camera that is started again with it
    finds the loom where it would be by now. A stop and a slip move the start time on.

    Args:
        line_rate_hz: lines woven a second.
        woven_since: Unix time in seconds at which line 0 was begun, or None: not begun yet.
        monotonic: the clock, in seconds.
    """

    def __init__(
        self,
        line_rate_hz: float,
        woven_since: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = monotonic
        # Unix time may be stepped under a running camera; so it only names the start.
        self._unix_offset = time.time() - monotonic()
        self._rate = line_rate_hz
        self._since = None if woven_since is None else woven_since - self._unix_offset
        self._standing: tuple[float, float] | None = None
        self._lock = threading.Lock()

    @property
    def woven_since(self) -> float | None:
        """Unix time in seconds of line 0, as if the loom had never stopped since; None before it starts."""
        with self._lock:
            self._moment()
            return None if self._since is None else self._since + self._unix_offset

    @property
    def line_rate_hz(self) -> float:
        return self._rate

    @line_rate_hz.setter
    def line_rate_hz(self, rate: float) -> None:
        with self._lock:
            now = self._moment()
            if self._since is not None:
                self._since = now - (now - self._since) * self._rate / rate
            self._rate = rate

    def start(self) -> None:
        """Begin line 0 now, unless the loom already weaves."""
        with self._lock:
            if self._since is None:
                self._since = self._now()

    def stop(self, seconds: float) -> None:
        """Stand still for ``seconds`` from now."""
        with self._lock:
            now = self._moment()
            self._standing = (now, self._now() + seconds)

    def slip(self, lines: int) -> None:
        """Fall back by ``lines``, as a loom that runs slower than it should."""
        with self._lock:
            if self._since is not None:
                self._since += lines / self._rate

    def woven(self) -> int:
        """Lines finished by now."""
        with self._lock:
            now = self._moment()
            return 0 if self._since is None else max(0, int((now - self._since) * self._rate + 1e-6))

    def standing_s(self) -> float:
        """For how many seconds the loom has stood still; 0 while it weaves."""
        with self._lock:
            now = self._moment()
            return 0.0 if self._standing is None else self._now() - now

    def seconds_until(self, line: int) -> float:
        """Seconds until ``line`` lines are finished, if the loom does not stop."""
        with self._lock:
            now = self._moment()
            return 0.0 if self._since is None else self._since + line / self._rate - now

    def _moment(self) -> float:
        """The moment up to which the loom has woven; takes up a stop that is over. Needs the lock."""
        now = self._now()
        if self._standing is None:
            return now
        began, until = self._standing
        if now < until:
            return began
        self._standing = None
        if self._since is not None:
            self._since += until - began
        return now
