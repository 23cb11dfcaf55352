"""Where tiles lie: the one geometry that training, calibration and the runtime cut with.

A tile is a square of ``tile`` pixels. Its outer ``margin`` is discarded: there the net sees the tile's
border instead of cloth. Neighbours overlap by the margins and by ``blend`` pixels more, over which
they are cross-faded. At the image's ends (the sensor's edges, a segment's first and last line) it is
continued outwards (runtime/ends.py), so that cloth is judged up to its very end and black is never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.types import Float32, Int64

MIN_ROW_STRIDE, MAX_ROW_STRIDE = 32, 256


@dataclass(frozen=True)
class TileGeometry:
    """Sizes in pixels (equally: lines); every one a multiple of ``map_stride``.

    Raises:
        ValueError: sizes that do not fit together.
    """

    tile: int = 256
    margin: int = 28
    blend: int = 8
    map_stride: int = 4

    def __post_init__(self) -> None:
        for name in ("tile", "margin", "blend"):
            value = getattr(self, name)
            if value < 0 or value % self.map_stride:
                raise ValueError(f"{name} must be a multiple of map_stride {self.map_stride}, got {value}")
        if self.max_step < self.map_stride:
            raise ValueError(
                f"tile {self.tile} leaves nothing between two margins of {self.margin} and a blend of {self.blend}"
            )

    @property
    def valid(self) -> int:
        """Side of the tile's interior, which is kept."""
        return self.tile - 2 * self.margin

    @property
    def max_step(self) -> int:
        """Largest distance of two neighbouring tiles that still leaves ``blend`` in common."""
        return self.valid - self.blend

    @property
    def cells(self) -> int:
        """Side of a tile's map in cells."""
        return self.tile // self.map_stride

    def check_row_stride(self, stride: int) -> None:
        """Raise ValueError unless tile rows may start every ``stride`` lines."""
        top = min(MAX_ROW_STRIDE, self.max_step)
        if not MIN_ROW_STRIDE <= stride <= top or stride % self.map_stride:
            raise ValueError(
                f"stride_lines must be {MIN_ROW_STRIDE} to {top} in steps of {self.map_stride} for this bundle, "
                f"got {stride}"
            )

    def column_starts(self, x0: int, x1: int) -> tuple[int, ...]:
        """Left columns of the tiles that cover the cloth [x0, x1), evenly stepped, the last shifted in.

        ``x0`` lies on the map's grid. Tiles reach ``margin`` beyond the cloth, which is discarded.

        Raises:
            ValueError: an empty region, or an x0 off the grid.
        """
        if x1 <= x0 or x0 % self.map_stride:
            raise ValueError(f"cloth region [{x0}, {x1}) is empty or off the grid of {self.map_stride} px")
        first = x0 - self.margin
        last = round_up(x1 + self.margin - self.tile, self.map_stride)
        if last <= first:
            return (first,)
        return (*range(first, last, self.max_step), last)

    def ramp(self) -> Float32:
        """Cross-fade weight along one axis of a whole tile: 0 in the margins, 1 inside, float32 [cells]."""
        at = (np.arange(self.cells) + 0.5) * self.map_stride
        depth = np.minimum(at - self.margin, self.tile - self.margin - at)
        rising = np.ones_like(depth) if self.blend == 0 else np.clip(depth / self.blend, 0, 1)
        return np.where(depth > 0, rising, 0).astype(np.float32)


def round_up(value: int, step: int) -> int:
    """Smallest multiple of ``step`` that is not below ``value``."""
    return -(-value // step) * step


def mirrored(start: int, stop: int, low: int, high: int) -> Int64:
    """Indices start..stop-1 reflected into [low, high) without repeating the end (d c b | a b c d | c b a).

    Returns:
        int64 [stop - start], each in [low, high).

    Raises:
        ValueError: an empty range to reflect into.
    """
    size = high - low
    if size <= 0:
        raise ValueError(f"cannot mirror into the empty range [{low}, {high})")
    index = np.arange(start, stop, dtype=np.int64) - low
    if size == 1:
        return np.full(stop - start, low, np.int64)
    index = np.mod(index, 2 * size - 2)
    return np.minimum(index, 2 * size - 2 - index) + low
