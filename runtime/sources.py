"""Cloth that can be asked for by line number: what a simulated camera looks at."""

from __future__ import annotations

from typing import Protocol

from runtime.types import Pixels


class LineSource(Protocol):
    """Random access to the lines of some cloth. Line n is the same whenever it is asked for."""

    width: int
    """Pixels per line."""
    channels: int
    """1 or 3."""
    length: int | None
    """Number of lines, or None for cloth without end."""

    def lines(self, first: int, count: int) -> Pixels:
        """Lines [first, first + count), uint8, or uint16 above 8 bits, [count, width, channels]; ``first`` >= 0.

        Raises:
            ValueError: lines beyond ``length``.
        """
