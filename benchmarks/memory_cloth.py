"""Cloth in memory, replayed in a circle: what a stream is measured with, so that no drawing is measured."""

from __future__ import annotations

import numpy as np

from runtime.sources import LineSource
from runtime.types import UInt8


class MemoryCloth:
    """Lines in memory, without end. See runtime.sources.LineSource.

    Where the last line meets the first, the weave's phase jumps: an event may open there in each round.
    """

    length: int | None = None

    def __init__(self, pixels: UInt8) -> None:
        """Keep uint8 [lines, width, channels]; they are handed out without a copy where that can be."""
        self._pixels = pixels
        self.width, self.channels = int(pixels.shape[1]), int(pixels.shape[2])

    @classmethod
    def drawn(cls, source: LineSource, lines: int, channels: int) -> MemoryCloth:
        """The first lines of some grey cloth, repeated for each channel."""
        return cls(np.repeat(source.lines(0, lines), channels, axis=2))

    def lines(self, first: int, count: int) -> UInt8:
        start = first % len(self._pixels)
        if start + count <= len(self._pixels):
            return self._pixels[start : start + count]
        return self._pixels[np.arange(first, first + count) % len(self._pixels)]
