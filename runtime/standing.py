"""Whether a camera's lines still come: a loom that stands gives none, and only the clock tells."""

from __future__ import annotations

import time


class Standing:
    """Follows when items come. Used by one thread.

    Attributes:
        stands: ``begins`` has said so, and nothing came since.
    """

    def __init__(self) -> None:
        self.stands = False
        self._last_item = time.monotonic()
        self._usual_wait = 0.0  # between the last two items while lines came

    def came(self) -> bool:
        """An item came; True if that ends a stand."""
        now, stood = time.monotonic(), self.stands
        if not stood:
            self._usual_wait = now - self._last_item
        self._last_item, self.stands = now, False
        return stood

    def quiet(self, flush_s: float) -> bool:
        """Nothing came for ``flush_s``. On a slow loom a block takes longer to fill; that is not a stop."""
        return time.monotonic() - self._last_item > max(flush_s, 2 * self._usual_wait)

    def begins(self, flush_s: float) -> bool:
        """True once for each stand, when it is ``quiet``."""
        if self.stands or not self.quiet(flush_s):
            return False
        self.stands = True
        return True
