"""Cloth in memory, replayed in a circle, and rows of tiles cut from it: measuring without drawing."""

from __future__ import annotations

import numpy as np

from runtime.errors import UserError
from runtime.geometry import TileGeometry
from runtime.preprocess.cloth import ClothFinder
from runtime.sources import LineSource
from runtime.tiler import Tiler
from runtime.types import LineBlock, NotInspected, Scale, TileBatch, UInt8

SCALE = Scale(0.2, 0.2)
"""Of cloth that stands still in memory: it does not wander, so any would do."""


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


class TileRows:
    """Rows of tiles across the cloth as the runtime's tiler cuts them, one every ``stride`` lines, without end."""

    def __init__(self, cloth: MemoryCloth, geometry: TileGeometry, stride: int) -> None:
        """Begin at line 0; a stride that the geometry does not allow is a ValueError."""
        self._cloth, self._stride, self._line = cloth, stride, 0
        finder = ClothFinder(grid=geometry.map_stride)
        self._tiler = Tiler("memory", geometry, stride, cloth.channels, SCALE, finder)

    def cut(self, received_ns: int = 0) -> TileBatch:
        """The next row.

        Args:
            received_ns: when its newest line came, ns of the host's monotonic clock.

        Raises:
            UserError: no cloth is found.
        """
        row: TileBatch | NotInspected | None = None
        while row is None:  # the first row alone needs more than ``stride`` lines
            lines = self._cloth.lines(self._line, self._stride)
            row = next(self._tiler.push(LineBlock("memory", 0, self._line, lines, received_ns=received_ns)), None)
            self._line += self._stride
        if isinstance(row, NotInspected):
            raise UserError(f"No cloth is found in lines of {self._cloth.width} px: take a larger --width.")
        return row
