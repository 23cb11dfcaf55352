"""Where a feature cell's distance goes on the anomaly map: upsampling, blur and averaging as one matrix.

Bilinear upsampling, a separable Gaussian and area-averaging are linear along each axis, so a level's
map is ``M @ distances @ M.T`` with a constant M. The graph then needs no Resize, Pad or 33x33 convolution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.geometry import TileGeometry

Float64 = NDArray[np.float64]
TRUNCATE = 4.0
"""The Gaussian is cut off at this many sigma."""


def placement(geometry: TileGeometry, stride: int, centre: float, sigma: float) -> Float64:
    """Matrix from the cells of one feature level to the cells of the map, along one axis.

    Args:
        geometry: of the tile and its map.
        stride: px per feature cell.
        centre: px; cell i looks at pixel ``stride * i + centre``.
        sigma: of the blur, px; 0 for none.

    Returns:
        float64 [tile / map_stride, tile / stride]; every row sums to 1.
    """
    tile = geometry.tile
    average = np.kron(np.eye(geometry.cells), np.full((1, geometry.map_stride), 1 / geometry.map_stride))
    return average @ gaussian(tile, sigma) @ upsample(tile, stride, centre)


def upsample(tile: int, stride: int, centre: float) -> Float64:
    """Linear interpolation from cell centres to pixels, held beyond the outermost; [tile, tile / stride]."""
    cells = tile // stride
    at = np.clip((np.arange(tile) - centre) / stride, 0, cells - 1)
    low = np.minimum(np.floor(at).astype(int), max(cells - 2, 0))
    high = np.minimum(low + 1, cells - 1)
    matrix = np.zeros((tile, cells))
    pixels = np.arange(tile)
    matrix[pixels, low] += 1 - (at - low)
    matrix[pixels, high] += at - low
    return matrix


def gaussian(size: int, sigma: float) -> Float64:
    """Gaussian blur with symmetric ends (d c b a | a b c d | d c b a); [size, size]."""
    if sigma == 0:
        return np.eye(size)
    radius = int(TRUNCATE * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    matrix = np.zeros((size, size))
    for offset, weight in zip(offsets, kernel, strict=True):
        source = np.mod(np.arange(size) + offset, 2 * size)
        matrix[np.arange(size), np.minimum(source, 2 * size - 1 - source)] += weight
    return matrix
