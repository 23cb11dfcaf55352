"""Tiles' maps to one endless map without seams.

Every tile counts with a weight that is 0 in its margin and rises over the blend, so neighbours
cross-fade; the sum of weights normalises, so it does not matter how tiles overlap, how far the last
column was shifted in, or how they were cut at all: a map with a place and a valid region is enough.
"""

from __future__ import annotations

import numpy as np

from runtime.geometry import TileGeometry
from runtime.types import Float32, ScoreMap, TileMaps


class Stitcher:
    """Joins the maps of one camera, given in order."""

    def __init__(self, geometry: TileGeometry) -> None:
        self.geometry = geometry
        self._ramp = geometry.ramp()
        self._run: tuple[int, int, int] | None = None  # segment, origin, width
        self._row = 0  # map row (from the run's origin) of the sums' first row
        self._sum: Float32 = np.zeros((0, 0), np.float32)
        self._weight: Float32 = np.zeros((0, 0), np.float32)

    def add(self, maps: TileMaps) -> ScoreMap:
        """Add a row of tiles; returns the strip that it made final.

        Raises:
            ValueError: maps of another size than the geometry's, or out of order.
        """
        batch, s = maps.batch, self.geometry.map_stride
        if maps.maps.shape[1:] != (self.geometry.cells, self.geometry.cells):
            raise ValueError(
                f"expected maps of {self.geometry.cells} x {self.geometry.cells} cells, got {maps.maps.shape}"
            )
        if self._run != (batch.segment, batch.origin, batch.width):
            self._run = (batch.segment, batch.origin, batch.width)
            self._row = 0
            self._sum = self._weight = np.zeros((0, -(-batch.width // s)), np.float32)
        low = (batch.window[0] - batch.origin) // s
        high = -(-(batch.window[1] - batch.origin) // s)
        if low < self._row:
            raise ValueError(f"window {batch.window} comes after map row {self._row} was final")
        self._drop(low - self._row)  # lines with no cloth: they were reported instead
        self._grow(high - low)
        self._add_tiles(maps, low, high)
        return self._take(maps)

    def _add_tiles(self, maps: TileMaps, low: int, high: int) -> None:
        """Weighted sums of the window's rows [low, high) over the cloth's columns."""
        batch, s, cells = maps.batch, self.geometry.map_stride, self.geometry.cells
        top = (batch.top - batch.origin) // s
        fade = self._fade(high - low, first=low == 0, last=batch.hard_end)
        weight = fade[:, None] * self._ramp[None, :]
        x0, x1 = batch.region[0] // s, -(-batch.region[1] // s)
        weighted = maps.maps[:, low - top : high - top] * weight
        for tile, left in enumerate(batch.x):
            c0, c1 = max(left // s, x0), min(left // s + cells, x1)
            inside = slice(c0 - left // s, c1 - left // s)
            self._sum[: high - low, c0:c1] += weighted[tile, :, inside]
            self._weight[: high - low, c0:c1] += weight[:, inside]

    def _fade(self, rows: int, first: bool, last: bool) -> Float32:
        """Weight down a window: rising over the blend, but not where nothing came before, and so at its end."""
        at = (np.arange(rows) + 0.5) * self.geometry.map_stride
        weight = np.ones(rows)
        if self.geometry.blend:
            if not first:
                weight = np.minimum(weight, at / self.geometry.blend)
            if not last:
                weight = np.minimum(weight, (rows * self.geometry.map_stride - at) / self.geometry.blend)
        return weight.astype(np.float32)

    def _drop(self, rows: int) -> None:
        self._sum, self._weight = self._sum[rows:], self._weight[rows:]
        self._row += rows

    def _grow(self, rows: int) -> None:
        missing = rows - len(self._sum)
        if missing > 0:
            more = np.zeros((missing, self._sum.shape[1]), np.float32)
            self._sum = np.concatenate([self._sum, more])
            self._weight = np.concatenate([self._weight, more])

    def _take(self, maps: TileMaps) -> ScoreMap:
        """Cut off the rows that nothing will be added to."""
        batch, s = maps.batch, self.geometry.map_stride
        end_line = batch.window[1] - (0 if batch.hard_end else self.geometry.blend)
        rows = -(-(end_line - batch.origin) // s) - self._row
        x0, x1 = batch.region[0] // s, -(-batch.region[1] // s)
        weight = self._weight[:rows, x0:x1]
        values = np.full(weight.shape, np.nan, np.float32)
        np.divide(self._sum[:rows, x0:x1], weight, out=values, where=weight > 0)
        strip = ScoreMap(
            camera=batch.camera,
            segment=batch.segment,
            origin=batch.origin,
            first_line=batch.origin + self._row * s,
            end_line=end_line,
            x0=x0 * s,
            stride=s,
            values=values,
            region=batch.region,
            received_ns=batch.received_ns,
        )
        self._drop(rows)
        if batch.hard_end:  # beyond it lie guesses: cloth that comes after all is not blended with them
            self._sum, self._weight = self._sum[:0], self._weight[:0]
        return strip
