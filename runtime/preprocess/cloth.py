"""Which columns are cloth: table, background and selvedge at the sides are not looked at.

Cloth has texture at the scale of yarns, the table beside it has little, and the selvedge lies between
them. A column's texture is the mean absolute second difference of its pixels against its neighbours
(both ways), smoothed across; cloth is the widest run of columns whose texture is comparable with the
run's own median, less a fixed inset for the selvedge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from runtime.types import Float32, Pixels

SMOOTH_PX = 65
LOWEST_RATIO, HIGHEST_RATIO = 0.55, 1.8
"""Texture of cloth columns as a ratio to the median of the textured columns."""
MIN_TEXTURE = 1.0
"""Grey levels: below this there is no weave under the camera, only sensor noise."""


@dataclass(frozen=True)
class ClothFinder:
    """Finds the cloth's columns.

    Attributes:
        grid: x0 is rounded up to this (the map's stride).
        inset_px: columns left out inside each found edge that is not the sensor's edge.
        min_width_px: a narrower run is not cloth.
    """

    grid: int = 4
    inset_px: int = 32
    min_width_px: int = 128

    def find(self, pixels: Pixels) -> tuple[int, int] | None:
        """Columns [x0, x1) of cloth in a block of lines, x0 on the grid; None where there is no cloth.

        Args:
            pixels: [rows, width, channels], at least 2 rows.
        """
        texture = column_texture(pixels)
        width = len(texture)
        floor = max(MIN_TEXTURE, 0.3 * float(np.percentile(texture, 90)))
        textured = texture[texture > floor]
        if len(textured) < self.min_width_px:
            return None
        middle = float(np.median(textured))
        run = widest_run(
            (texture > LOWEST_RATIO * middle) & (texture < HIGHEST_RATIO * middle), join=SMOOTH_PX
        )
        x0 = 0 if run[0] <= SMOOTH_PX // 2 else run[0] + self.inset_px
        x1 = width if run[1] >= width - SMOOTH_PX // 2 else run[1] - self.inset_px
        x0 = -(-x0 // self.grid) * self.grid
        return (x0, x1) if x1 - x0 >= self.min_width_px else None


def column_texture(pixels: Pixels) -> Float32:
    """Texture of each column in grey levels of the 8-bit scale, smoothed across; float32 [width]."""
    rows = pixels[:: max(1, len(pixels) // 64), :, 0].astype(np.float32)
    if pixels.dtype == np.uint16:
        rows /= 257.0
    across = np.abs(2 * rows - np.roll(rows, 2, axis=1) - np.roll(rows, -2, axis=1)).mean(axis=0)
    across[:2], across[-2:] = across[2], across[-3]
    smooth: Float32 = cv2.blur(across[None], (SMOOTH_PX, 1), borderType=cv2.BORDER_REFLECT)[0]
    return smooth


def widest_run(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], join: int) -> tuple[int, int]:
    """Longest run [start, end) of True; runs nearer than ``join`` count as one (a hole is still cloth)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    runs: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < join:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))
