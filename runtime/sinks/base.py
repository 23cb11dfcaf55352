"""Where events go."""

from __future__ import annotations

from typing import Protocol

from runtime.events import Event


class Sink(Protocol):
    """Takes events. A sink that cannot write counts what it lost and lets the stream go on."""

    @property
    def lost(self) -> int:
        """Events that could not be written."""

    def write(self, event: Event) -> None:
        """Take one event; never raises for a full disk or a closed pipe."""

    def close(self) -> None:
        """Write what is left."""
